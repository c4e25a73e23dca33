//! SQLite's own file access, which reports every write and flush to the simulated disk. It becomes
//! the default of this process, so that the store under test needs no test hook.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Once;

use rusqlite::ffi::{
    SQLITE_FULL, SQLITE_IOERR_FSYNC, SQLITE_OK, SQLITE_OPEN_MAIN_DB, SQLITE_OPEN_WAL, sqlite3_file,
    sqlite3_io_methods, sqlite3_vfs, sqlite3_vfs_find, sqlite3_vfs_register,
};

use super::disk;

/// Makes the simulated disk the default for every connection opened from now on.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the default VFS lives as long as the process. Its copy is leaked, so it does too.
        let registered = unsafe {
            let real = sqlite3_vfs_find(std::ptr::null());
            let shim = Box::new(sqlite3_vfs {
                szOsFile: (*real).szOsFile + size_of::<WatchedFile>() as c_int,
                zName: c"power".as_ptr(),
                pNext: std::ptr::null_mut(),
                xOpen: Some(open),
                xDelete: Some(delete),
                ..*real
            });
            sqlite3_vfs_register(Box::into_raw(shim), 1)
        };
        assert_eq!(registered, SQLITE_OK);
    });
}

/// Our part of an open file. The real file follows it in the same allocation.
#[repr(C)]
struct WatchedFile {
    methods: *const sqlite3_io_methods,
    /// Null for files that are not watched.
    path: *mut PathBuf,
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

fn real_vfs() -> *mut sqlite3_vfs {
    // SAFETY: the name is a C string, and the unix VFS is always registered.
    unsafe { sqlite3_vfs_find(c"unix".as_ptr()) }
}

/// # Safety
/// `open` must have initialized `file`.
unsafe fn real(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: the real file follows ours, see `szOsFile`.
    unsafe { file.cast::<WatchedFile>().add(1).cast() }
}

/// # Safety
/// `open` must have initialized `file`.
unsafe fn path<'a>(file: *mut sqlite3_file) -> Option<&'a Path> {
    // SAFETY: `path` is null or came from a box that `close` frees.
    unsafe { (*file.cast::<WatchedFile>()).path.as_ref().map(PathBuf::as_path) }
}

unsafe fn named<'a>(name: *const c_char) -> &'a Path {
    // SAFETY: SQLite passes a C string.
    Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes()))
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes `szOsFile` bytes at `file`. The real VFS gets all except our part of
    // them.
    unsafe {
        let watched = file.cast::<WatchedFile>();
        *watched = WatchedFile { methods: std::ptr::null(), path: std::ptr::null_mut() };
        let vfs = real_vfs();
        let opened = (*vfs).xOpen.unwrap()(vfs, name, real(file), flags, out_flags);
        if opened == SQLITE_OK {
            (*watched).methods = &raw const METHODS;
            if flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL) != 0 && !name.is_null() {
                disk::opened(named(name));
                (*watched).path = Box::into_raw(Box::new(named(name).to_owned()));
            }
        }
        opened
    }
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    let vfs = real_vfs();
    // SAFETY: the arguments are SQLite's own.
    unsafe {
        disk::deleted(named(name));
        (*vfs).xDelete.unwrap()(vfs, name, sync_folder)
    }
}

unsafe extern "C" fn write(file: *mut sqlite3_file, from: *const c_void, n: c_int, at: i64) -> c_int {
    // SAFETY: SQLite passes `n` bytes at `from`.
    unsafe {
        if let Some(path) = path(file)
            && !disk::wrote(path, at as usize, std::slice::from_raw_parts(from.cast(), n as usize))
        {
            return SQLITE_FULL;
        }
        let file = real(file);
        (*(*file).pMethods).xWrite.unwrap()(file, from, n, at)
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, to: i64) -> c_int {
    // SAFETY: the file is one of ours.
    unsafe {
        if let Some(path) = path(file) {
            disk::truncated(path, to as usize);
        }
        let file = real(file);
        (*(*file).pMethods).xTruncate.unwrap()(file, to)
    }
}

/// Flushes only the simulated disk, which decides what a power cut leaves.
unsafe extern "C" fn sync(file: *mut sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is one of ours.
    match unsafe { path(file) } {
        Some(path) if !disk::flushed(path) => SQLITE_IOERR_FSYNC,
        _ => SQLITE_OK,
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file once.
    unsafe {
        let watched = file.cast::<WatchedFile>();
        if !(*watched).path.is_null() {
            drop(Box::from_raw((*watched).path));
        }
        let file = real(file);
        (*(*file).pMethods).xClose.unwrap()(file)
    }
}

macro_rules! forward {
    ($($name:ident $method:ident ($($arg:ident: $type:ty),*) -> $result:ty;)*) => { $(
        unsafe extern "C" fn $name(file: *mut sqlite3_file, $($arg: $type),*) -> $result {
            // SAFETY: the arguments are SQLite's own, and the real file is open.
            unsafe {
                let file = real(file);
                (*(*file).pMethods).$method.unwrap()(file, $($arg),*)
            }
        }
    )* };
}

forward! {
    read xRead(into: *mut c_void, n: c_int, at: i64) -> c_int;
    file_size xFileSize(size: *mut i64) -> c_int;
    lock xLock(level: c_int) -> c_int;
    unlock xUnlock(level: c_int) -> c_int;
    check_reserved_lock xCheckReservedLock(held: *mut c_int) -> c_int;
    file_control xFileControl(op: c_int, arg: *mut c_void) -> c_int;
    sector_size xSectorSize() -> c_int;
    device_characteristics xDeviceCharacteristics() -> c_int;
    shm_map xShmMap(page: c_int, size: c_int, extend: c_int, at: *mut *mut c_void) -> c_int;
    shm_lock xShmLock(offset: c_int, n: c_int, flags: c_int) -> c_int;
    shm_barrier xShmBarrier() -> ();
    shm_unmap xShmUnmap(delete: c_int) -> c_int;
}
