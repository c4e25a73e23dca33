-- Appends entries to the audit log.
append_audit(take_audit())
return { 'APPENDED' }
