//! The addresses that a process and its descendants listen on.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// Returns the process with this id and its descendants.
#[must_use]
pub fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(pid) = tree.get(next) {
        tree.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    tree
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
}

/// Returns the program of a process, such as `workerd`.
#[must_use]
pub fn program(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// Returns how many descriptors a process has open.
#[must_use]
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Returns the TCP addresses that any process of a tree listens on.
#[must_use]
pub fn of_tree(root: u32) -> HashSet<SocketAddr> {
    let sockets: HashSet<String> = tree(root).into_iter().flat_map(sockets).collect();
    let mut found = HashSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = fs::read_to_string(table).unwrap_or_default();
        found.extend(text.lines().skip(1).filter_map(|line| listener(line, &sockets)));
    }
    found
}

/// Returns the inodes of the sockets that a process has open.
fn sockets(pid: u32) -> Vec<String> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    names.filter_map(|name| inode(&name)).collect()
}

fn inode(name: &Path) -> Option<String> {
    Some(name.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
}

/// Parses a line of the kernel's table: `sl local remote state ... inode`.
fn listener(line: &str, sockets: &HashSet<String>) -> Option<SocketAddr> {
    const LISTEN: &str = "0A";
    let fields: Vec<_> = line.split_whitespace().collect();
    if *fields.get(3)? != LISTEN || !sockets.contains(*fields.get(9)?) {
        return None;
    }
    let (host, port) = fields[1].split_once(':')?;
    Some(SocketAddr::new(address(host)?, u16::from_str_radix(port, 16).ok()?))
}

/// Parses words of 32 bits, each in the byte order of this machine.
fn address(hex: &str) -> Option<IpAddr> {
    let words: Vec<_> = (0..hex.len() / 8)
        .map(|n| u32::from_str_radix(&hex[8 * n..8 * n + 8], 16).ok())
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
    match bytes.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into()),
        16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_of_this_process_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(of_tree(std::process::id()).contains(&listener.local_addr().unwrap()));
        if let Ok(listener) = TcpListener::bind("[::1]:0") {
            assert!(of_tree(std::process::id()).contains(&listener.local_addr().unwrap()));
        }
    }
}
