//! What pages for people share: one style, one menu, the headers that keep them safe, and how dates and money read.
//!
//! A page is markup that escapes whatever is put into it. It carries its style itself, asks no other host for anything, runs
//! no script unless it says so, and is kept by nobody.
//!
//! ```
//! use jobapp_pages::{Entry, Menu, Page};
//! use maud::html;
//!
//! let name = "<b>Marta</b>";
//! let page = Page::new("Mailbox", Menu::developer(Entry::Mail), html! { p { "No mails to " (name) " yet." } });
//! assert!(page.markup().into_string().contains("No mails to &lt;b&gt;Marta&lt;/b&gt; yet."));
//! ```

mod page;
mod wanted;
mod words;

pub use page::{Allows, Entry, Menu, Page};
pub use wanted::{Wanted, wanted};
pub use words::{dollars, moment};
