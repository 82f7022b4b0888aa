-- How each model of the dbt project takes in what is new, as dbt compiled it: the worker runs these statements, so that
-- dbt is only needed to build. `project` is the digest of the project; a view has no statement, and a model of a vendor's
-- events has the vendor.
CREATE TABLE warehouse.refreshes (
    project text NOT NULL,
    model text NOT NULL,
    vendor text,
    upstreams text[] NOT NULL,
    statement text,
    PRIMARY KEY (project, model)
);
