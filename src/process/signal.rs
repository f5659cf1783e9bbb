use std::fmt;

/// A signal that ended a program or asks this one to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal(i32);

impl Signal {
    /// SIGHUP: the terminal went away.
    pub const HANGUP: Self = Self(1);
    /// SIGINT: ctrl-C.
    pub const INTERRUPT: Self = Self(2);
    /// SIGKILL.
    pub const KILL: Self = Self(9);
    /// SIGTERM: a service manager stops the program.
    pub const TERMINATE: Self = Self(15);

    /// The signal with a number, as `WTERMSIG` gives it.
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// The signal's number.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The form in which rustix sends it.
    pub(super) fn to_rustix(self) -> Option<rustix::process::Signal> {
        rustix::process::Signal::from_named_raw(self.0)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            1 => "SIGHUP",
            2 => "SIGINT",
            3 => "SIGQUIT",
            4 => "SIGILL",
            6 => "SIGABRT",
            7 => "SIGBUS",
            8 => "SIGFPE",
            9 => "SIGKILL",
            11 => "SIGSEGV",
            13 => "SIGPIPE",
            14 => "SIGALRM",
            15 => "SIGTERM",
            number => return write!(formatter, "signal {number}"),
        };
        formatter.write_str(name)
    }
}
