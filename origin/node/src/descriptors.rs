//! How many files and sockets this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the number to the most that the system lets this process have; returns the number.
pub(super) fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!(%error, ?current, ?maximum, "the number of open files was not raised");
    }
    // No number means that there is no limit.
    let now = getrlimit(Resource::Nofile).current;
    now.and_then(|now| usize::try_from(now).ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_may_have_as_many_files_as_the_system_lets_it() {
        let raised = super::raise();
        assert!(raised >= 256, "{raised}");
        assert_eq!(super::raise(), raised);
    }
}
