-- The entries of one tenant that were committed at once are one row. A row without a tenant is from before and may hold entries
-- of many; it goes by age alone.
CREATE TABLE tenants_audit (
    first INTEGER PRIMARY KEY, -- the number of the first entry
    count INTEGER NOT NULL,
    at INTEGER NOT NULL, -- of the last entry
    tenant TEXT NOT NULL,
    tenant_entries INTEGER NOT NULL, -- the tenant's entries up to this row's last
    tenant_bytes INTEGER NOT NULL, -- the same in bytes
    entries BLOB NOT NULL
) STRICT;
INSERT INTO tenants_audit (first, count, at, tenant, tenant_entries, tenant_bytes, entries)
    SELECT first, count, at, '', 0, 0, entries FROM audit;
DROP TABLE audit;
ALTER TABLE tenants_audit RENAME TO audit;
-- With each row's number, as every index has it.
CREATE INDEX audit_by_tenant ON audit (tenant);
