//! The scripts, each of which is one atomic step on the server.
//!
//! The server runs a script whole, and does not roll it back. A script therefore checks everything
//! before its first write. The server itself refuses to start a script that may write while it is
//! out of memory, read-only or unable to write its file, because each script declares its flags.

use std::sync::LazyLock;

use redis::Script;

const ARGUMENTS: &str = include_str!("scripts/arguments.lua");
const FENCE: &str = include_str!("scripts/fence.lua");
const USAGE: &str = include_str!("scripts/usage.lua");
const JOBS: &str = include_str!("scripts/jobs.lua");
const INDEXES: &str = include_str!("scripts/indexes.lua");
const LIMITS: &str = include_str!("scripts/limits.lua");

/// Declares scripts from files of the same name, each behind what it needs.
macro_rules! scripts {
    ($($name:ident: $flags:literal [$($part:expr),*] $file:literal;)*) => {
        $(pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            let parts: &[&str] = &[$($part,)* include_str!(concat!("scripts/", $file))];
            Script::new(&format!("#!lua flags={}\n{}", $flags, parts.join("\n")))
        });)*

        /// Each script by its file.
        #[cfg(test)]
        const ALL: &[(&str, &LazyLock<Script>)] = &[$(($file, &$name),)*];
    };
}

scripts! {
    OPEN: "" [ARGUMENTS] "open.lua";
    LOOK: "no-writes" [ARGUMENTS] "open.lua";
    ACCEPT: "" [ARGUMENTS, FENCE, USAGE, JOBS, LIMITS] "accept.lua";
    COMMIT: "" [ARGUMENTS, FENCE, USAGE, JOBS] "commit.lua";
    RECORD: "" [ARGUMENTS, FENCE, USAGE, JOBS, LIMITS] "record.lua";
    PERSIST: "" [ARGUMENTS, FENCE, USAGE, JOBS, LIMITS] "persist.lua";
    APPEND: "" [ARGUMENTS, FENCE, USAGE] "append.lua";
    PUT_CONTEXT: "" [ARGUMENTS, FENCE] "put_context.lua";
    PUT_DRAFT: "" [ARGUMENTS, FENCE] "put_draft.lua";
    SET_CURSOR: "allow-oom" [ARGUMENTS, FENCE] "set_cursor.lua";
    // What only deletes must run when the memory is full.
    RELAYED: "allow-oom" [ARGUMENTS, FENCE] "relayed.lua";
    DISCARD: "allow-oom" [ARGUMENTS, FENCE, USAGE, JOBS] "discard.lua";
    SWEEP_DRAFTS: "allow-oom" [ARGUMENTS, FENCE] "sweep_drafts.lua";
    FORGET_TENANT: "allow-oom" [ARGUMENTS, FENCE, USAGE, JOBS] "forget_tenant.lua";
    FORGET_SHARED: "allow-oom" [ARGUMENTS, FENCE, USAGE, JOBS] "forget_shared.lua";
    // Without it no scheduler could act when the memory is full again.
    TURN: "allow-oom" [ARGUMENTS, FENCE] "turn.lua";
    IMPORT_JOBS: "" [ARGUMENTS, FENCE, USAGE, JOBS] "import_jobs.lua";
    IMPORT_ROWS: "" [ARGUMENTS, FENCE, USAGE] "import_rows.lua";
    IMPORT_FINISH: "" [ARGUMENTS, FENCE] "import_finish.lua";
    LIST: "no-writes" [ARGUMENTS] "list.lua";
    INSPECT: "no-writes" [ARGUMENTS, INDEXES] "inspect.lua";
    CHECK_KEYS: "no-writes" [ARGUMENTS] "check_keys.lua";
    CHECK_MEMBERS: "no-writes" [ARGUMENTS, INDEXES] "check_members.lua";
    CHECK_TENANT: "no-writes" [ARGUMENTS] "check_tenant.lua";
    SUM_BYTES: "no-writes" [ARGUMENTS] "sum_bytes.lua";
    MISSING_JOBS: "no-writes" [ARGUMENTS] "missing_jobs.lua";
    DUE: "no-writes" [ARGUMENTS] "due.lua";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_is_different() {
        let hashes: std::collections::BTreeSet<&str> =
            ALL.iter().map(|(_, script)| script.get_hash()).collect();
        assert_eq!(hashes.len(), ALL.len());
    }
}
