-- Which ids a name stands for, and which incidents an id has.
CREATE INDEX incidents_service ON incidents (service, service_id);
CREATE INDEX incidents_service_id ON incidents (service_id);
CREATE INDEX incidents_priority ON incidents (priority, priority_id);
