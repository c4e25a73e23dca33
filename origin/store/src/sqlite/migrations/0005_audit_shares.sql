-- The entries of one tenant that were committed together are one row. A row without a tenant was
-- written before this migration and may contain entries of several tenants. It is deleted by age
-- only.
CREATE TABLE tenants_audit (
    first INTEGER PRIMARY KEY, -- the number of the first entry
    count INTEGER NOT NULL,
    at INTEGER NOT NULL, -- the time of the last entry
    tenant TEXT NOT NULL,
    tenant_entries INTEGER NOT NULL, -- the number of the tenant's entries up to the end of this row
    tenant_bytes INTEGER NOT NULL, -- the bytes of those entries
    entries BLOB NOT NULL
) STRICT;
INSERT INTO tenants_audit (first, count, at, tenant, tenant_entries, tenant_bytes, entries)
    SELECT first, count, at, '', 0, 0, entries FROM audit;
DROP TABLE audit;
ALTER TABLE tenants_audit RENAME TO audit;
-- The index also contains the number of each row, as every SQLite index does.
CREATE INDEX audit_by_tenant ON audit (tenant);
