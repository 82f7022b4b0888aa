-- The time that marks what a model of the dbt project wrote: later than every mark before it, of any model, even when
-- the clock was set back. Who draws one holds the lock of the models' turn.
CREATE SEQUENCE warehouse.marks;
CREATE FUNCTION warehouse.next_mark() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT timestamptz 'epoch' + interval '1 microsecond' * setval(
        'warehouse.marks',
        greatest((extract(epoch FROM clock_timestamp()) * 1000000)::bigint, nextval('warehouse.marks'))
    )
$$;

-- How far each model has read what it is made of: it has taken in every row with a mark up to this one.
CREATE TABLE warehouse.taken_in (
    model text PRIMARY KEY,
    mark timestamptz NOT NULL
);
