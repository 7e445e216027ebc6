//! Files that are for nobody else.

/// From now on, whatever this process makes is for its user only. Elsewhere than on Unix a user's folders are so from the start.
pub fn keep_private() {
    #[cfg(unix)]
    {
        use rustix::fs::Mode;
        let everybody_else = Mode::RWXG | Mode::RWXO;
        let _before = rustix::process::umask(everybody_else);
    }
}
