//! Memory that goes back to the system.

#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "the standard library does not set up its allocator")
)]

/// From now on blocks of a mebibyte and more go back to the system when they are freed.
///
/// glibc else learns from the first of them to keep the next ones, in as many arenas as there are threads (mallopt(3),
/// `M_MMAP_THRESHOLD`): a program that needs much memory for a moment, now and then, would keep it all. Other systems
/// give such blocks back by themselves.
pub fn give_back_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const MEBIBYTE: nix::libc::c_int = 1024 * 1024;
        // SAFETY: mallopt takes two numbers, no pointer, and may be called at any time. A value that it does not like
        // it refuses, and then everything stays as it was.
        unsafe {
            nix::libc::mallopt(nix::libc::M_MMAP_THRESHOLD, MEBIBYTE);
        }
    }
}
