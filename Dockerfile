# One image for every role: `docker run em-agent gateway`, `connectors`, `relay`, `worker`, `migrate`.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements-install.lock requirements.lock ./
# The installers stay in a place of their own: the image gets neither them nor pip.
RUN python -m venv /opt/install \
    && /opt/install/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
        -r requirements-install.lock \
    && /opt/install/bin/uv venv --python /usr/local/bin/python3.11 /opt/em-agent \
    && /opt/install/bin/uv pip install --no-cache --python /opt/em-agent/bin/python --compile-bytecode --require-hashes \
        -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/install/bin/python -m hatchling build -t wheel \
    && /opt/install/bin/uv pip install --no-cache --offline --python /opt/em-agent/bin/python --compile-bytecode --no-deps \
        dist/*.whl

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/em-agent --create-home --shell /usr/sbin/nologin em-agent \
    && chmod 0700 /var/lib/em-agent
COPY --from=build /opt/em-agent /opt/em-agent
ENV PATH=/opt/em-agent/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    EM_AGENT_DATA_DIR=/var/lib/em-agent
USER 10001:10001
WORKDIR /var/lib/em-agent
# Which address tells of health depends on the role: see compose.yaml.
HEALTHCHECK NONE
STOPSIGNAL SIGTERM
ENTRYPOINT ["em-agent"]
CMD ["--help"]
