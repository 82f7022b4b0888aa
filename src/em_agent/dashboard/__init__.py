"""The dashboard: pages that a server renders, charts that it draws as SVG, and a little script of our own.

How it is put together, and what every page keeps to:

- `mount.py` is all that the gateway imports; the rest, jinja2 too, is imported at the first request for a page.
- A page is a function `async def show(visit: Visit) -> Page` in `pages/<name>.py` and a line in `site.py`'s `ROUTES`.
  `Visit` (in `page.py`) has the backend, the filters that the URL asks (`visit.filters`), path parameters, and the
  request for what is not shared. `Page` names a template, its title and values. A page that answers a POST acts, and
  returns a `Move` to a path of our own.
- A page gets what it shows by `panels(name=work, ...)`, which runs the parts side by side: one that fails says so in
  its place and leaves the others alone. In the template, `{% call(value) panel("Title", shown["name"]) %}` of
  `_parts.html`.
- It raises `NotFoundError`, `InvalidError` or `RetriableError`; `site.py` shows them as pages with the right status.
- Numbers are those of the API: they come from the same models. `_parts.html` shows each with its exact value in
  `data-value`, and what is null as "unknown", never as 0. Nothing on a page is a number without a way to the
  incidents behind it: `visit.filters.incidents_url(...)`.
- What one looks at stands in the URL: forms are GET forms with the API's names (`service`, `team`, `urgency`,
  `priority`, `since`, `until`, `timezone`), and `window` for a preset. `_filters.html` is the bar that all pages
  share; `{% call filter_bar(view) %}` puts a page's own fields behind it. A link that changes a part:
  `visit.filters.url(...)`.
- Templates extend `base.html` and fill `{% block content %}`. Everything is escaped; no template says `|safe`, and
  markup made here (charts) is `markupsafe.Markup` made by `charts/svg.py`, which escapes.
- The content policy takes scripts and styles from `/static` only: no inline script, no `style=`, no `on…=`. A
  behaviour is a module in `static/<name>.js`, loaded with `{{ script("name.js") }}` in `{% block scripts %}`; it
  enhances what works without it. Colours and distances are the variables at the head of `static/app.css`, light and
  dark.
- `<main>` is replaced by a newer one while the page is open (`static/live.js`), unless whoever reads it is at work in
  it or `{% block main_attributes %}` says otherwise: so every id in it is stable, and a module that enhances an
  element listens on `document`, or marks it as done and hears `em-agent:updated`.
"""
