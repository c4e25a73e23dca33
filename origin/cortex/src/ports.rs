//! Finds the process that listens on a port of this machine.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Stdio;

use crate::program;

/// A process that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortOwner {
    pub(crate) pid: u32,
    pub(crate) name: String,
}

impl std::fmt::Display for PortOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (pid {})", self.name, self.pid)
    }
}

/// Returns the process that listens on a TCP port, if this user may inspect it.
#[must_use]
pub(crate) fn find_owner(port: u16) -> Option<PortOwner> {
    if cfg!(target_os = "linux") { find_in_proc(Path::new("/proc"), port) } else { find_with_lsof(port) }
}

/// Returns whether the port is free on loopback.
#[must_use]
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn find_in_proc(proc: &Path, port: u16) -> Option<PortOwner> {
    let sockets: Vec<String> = ["net/tcp", "net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(proc.join(table)).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if sockets.is_empty() {
        return None;
    }
    let processes = fs::read_dir(proc).ok()?.flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let pid = pids.find(|pid| has_socket(&proc.join(pid.to_string()).join("fd"), &sockets))?;
    let name = fs::read_to_string(proc.join(pid.to_string()).join("comm")).ok()?;
    Some(PortOwner { pid, name: name.trim_end().to_owned() })
}

fn has_socket(descriptors: &Path, sockets: &[String]) -> bool {
    let Ok(descriptors) = fs::read_dir(descriptors) else { return false };
    let mut targets = descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.any(|target| sockets.iter().any(|socket| target.as_os_str() == socket.as_str()))
}

/// Returns the inodes of the sockets that listen on a port, from a table of `/proc/net` (see
/// proc(5)).
fn listening_inodes(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, local) = fields.get(1)?.rsplit_once(':')?;
        let here = u16::from_str_radix(local, 16) == Ok(port) && *fields.get(3)? == LISTEN;
        fields.get(9)?.parse().ok().filter(|_| here)
    };
    table.lines().skip(1).filter_map(inode).collect()
}

fn find_with_lsof(port: u16) -> Option<PortOwner> {
    let query = program::tool_command("lsof")
        .args(["-nP", &format!("-iTCP:{port}"), "-sTCP:LISTEN", "-Fpc"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    parse_lsof(&String::from_utf8_lossy(&query.stdout))
}

/// Returns the first process in the output of `lsof -Fpc`: a line `p<pid>`, then a line `c<name>`.
fn parse_lsof(query: &str) -> Option<PortOwner> {
    let field = |key: char| query.lines().find_map(|line| line.strip_prefix(key));
    Some(PortOwner { pid: field('p')?.parse().ok()?, name: field('c')?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 100 0 0 10 0
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000 100 0 0 10 0
";
    const TABLE6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 9 1 0000 100 0 0 10 0
";

    #[test]
    fn only_listening_sockets_of_the_port_count() {
        assert_eq!(listening_inodes(TABLE, 8080), [4711]);
        assert_eq!(listening_inodes(TABLE, 22), [4713]);
        assert_eq!(listening_inodes(TABLE6, 8081), [9]);
        assert!(listening_inodes(TABLE, 8787).is_empty());
    }

    #[test]
    fn a_truncated_table_has_no_listeners() {
        assert!(listening_inodes("", 1).is_empty());
        assert!(listening_inodes("head\n   0: 0100007F:1F90 00000000:0000 0A\n x\n", 8080).is_empty());
    }

    #[test]
    fn lsof_names_the_first_process() {
        let owner = parse_lsof("p812\ncnode\nf23\np900\ncother\n");
        assert_eq!(owner, Some(PortOwner { pid: 812, name: "node".into() }));
        assert_eq!(parse_lsof(""), None);
    }

    #[test]
    fn the_owner_of_a_port_is_found() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!is_free(port));
        if cfg!(target_os = "linux") {
            assert_eq!(find_owner(port).unwrap().pid, std::process::id());
        }
        drop(listener);
        assert!(is_free(port) && find_owner(port).is_none());
    }
}
