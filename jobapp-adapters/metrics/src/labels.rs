//! What a label may be.

/// One value of a label, of a few that are written down in the code: see [`label!`](crate::label).
pub trait Label: Copy + Send + Sync + 'static {
    /// What the label is called.
    const NAME: &'static str;
    /// Every value, in the order of their places.
    const ALL: &'static [Self];

    /// The value, as it is written.
    fn text(self) -> &'static str;

    /// Its place among all.
    fn place(self) -> usize;
}

/// The labels of a family: none, one or two.
pub trait Labels: Copy + Send + Sync + 'static {
    /// What they are called.
    fn names() -> Vec<&'static str>;

    /// The values of every series there may be, in the order of their places.
    fn every() -> Vec<Vec<&'static str>>;

    /// Which series this is.
    fn place(self) -> usize;
}

impl Labels for () {
    fn names() -> Vec<&'static str> {
        Vec::new()
    }

    fn every() -> Vec<Vec<&'static str>> {
        vec![Vec::new()]
    }

    fn place(self) -> usize {
        0
    }
}

impl<A: Label, B: Label> Labels for (A, B) {
    fn names() -> Vec<&'static str> {
        vec![A::NAME, B::NAME]
    }

    fn every() -> Vec<Vec<&'static str>> {
        A::ALL.iter().flat_map(|a| B::ALL.iter().map(|b| vec![a.text(), b.text()])).collect()
    }

    fn place(self) -> usize {
        self.0.place() * B::ALL.len() + self.1.place()
    }
}

/// Makes an enum that is a label: its name, and for each value how it is written.
#[macro_export]
macro_rules! label {
    ($(#[$about:meta])* $visible:vis enum $Label:ident: $name:literal {
        $($(#[$about_value:meta])* $Value:ident = $text:literal),+ $(,)?
    }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $visible enum $Label {
            $($(#[$about_value])* $Value),+
        }

        impl $crate::Label for $Label {
            const NAME: &'static str = $name;
            const ALL: &'static [Self] = &[$(Self::$Value),+];

            fn text(self) -> &'static str {
                match self {
                    $(Self::$Value => $text),+
                }
            }

            fn place(self) -> usize {
                self as usize
            }
        }

        impl $crate::Labels for $Label {
            fn names() -> Vec<&'static str> {
                vec![$name]
            }

            fn every() -> Vec<Vec<&'static str>> {
                vec![$(vec![$text]),+]
            }

            fn place(self) -> usize {
                self as usize
            }
        }
    };
}
