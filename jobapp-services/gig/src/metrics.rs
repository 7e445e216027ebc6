//! What the existing system's dashboards read of this service. Names and labels are the wire's; labels have few values, whoever calls.

use jobapp_metrics::{Counters, Label, Measuring, Metrics as All, PageError, Requests, StatusLabel};

/// What all names begin with.
const PREFIX: &str = "gig_service";
/// The bounds of durations in seconds, as they always were.
const SECONDS: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

jobapp_metrics::label! {
    /// What a gig is about. One that nobody offers must not become a label of its own: gigs may name any text as theirs.
    enum Category: "categories" {
        /// Pictures.
        Graphics = "Graphics & Design",
        /// Being found.
        Marketing = "Digital Marketing",
        /// Words.
        Writing = "Writing & Translation",
        /// Moving pictures.
        Video = "Video & Animation",
        /// Sound.
        Music = "Music & Audio",
        /// Programs.
        Programming = "Programming & Tech",
        /// Figures.
        Data = "Data",
        /// Money.
        Business = "Business",
        /// Anything else.
        Other = "other",
    }
}

jobapp_metrics::label! {
    /// How a gig was changed.
    enum Updated: "type" {
        /// Its words or picture.
        Full = "full",
        /// Whether it is offered.
        Active = "active",
    }
}

jobapp_metrics::label! {
    /// What was searched for.
    pub(crate) enum Searched: "type" {
        /// Words.
        Text = "search",
        /// A seller's gigs.
        OfSeller = "seller_gigs",
        /// A seller's gigs that are not offered.
        PausedOfSeller = "seller_inactive_gigs",
        /// The best of a category.
        TopRated = "top_by_category",
        /// Those like another one.
        Similar = "more_like_this",
    }
}

/// The metrics of one service.
pub(crate) struct Metrics {
    all: All,
    created: Counters<Category>,
    updated: Counters<Updated>,
    deleted: Counters<()>,
    views: Counters<()>,
    searches: Counters<Searched>,
    requests: Requests,
}

impl Metrics {
    /// Beside everything else that the process counts.
    pub(crate) fn new(all: &All) -> Self {
        all.process(PREFIX);
        let durations = ("gig_service_http_request_duration_seconds", "How long answers took.");
        let requests = Some(("gig_service_http_requests_total", "Requests answered."));
        Self {
            created: all.counters("gig_service_gigs_created_total", "Gigs created.", &[]),
            updated: all.counters("gig_service_gigs_updated_total", "Gigs updated.", &[]),
            deleted: all.counters("gig_service_gigs_deleted_total", "Gigs deleted.", &[]),
            views: all.counters("gig_service_gig_views_total", "Gigs shown by id.", &[]),
            searches: all.counters("gig_service_search_requests_total", "Searches answered.", &[]),
            requests: Requests::named(all, durations, requests, StatusLabel::Code, &[], SECONDS),
            all: all.clone(),
        }
    }

    pub(crate) fn gig_created(&self, category: &str) {
        let known = Category::ALL.iter().copied().find(|known| known.text().eq_ignore_ascii_case(category));
        self.created.of(known.unwrap_or(Category::Other)).inc();
    }

    pub(crate) fn gig_updated(&self) {
        self.updated.of(Updated::Full).inc();
    }

    pub(crate) fn gig_activated(&self) {
        self.updated.of(Updated::Active).inc();
    }

    pub(crate) fn gig_deleted(&self) {
        self.deleted.one().inc();
    }

    pub(crate) fn gig_viewed(&self) {
        self.views.one().inc();
    }

    pub(crate) fn searched(&self, what: Searched) {
        self.searches.of(what).inc();
    }

    /// Counts answers and how long they took.
    pub(crate) fn measuring(&self) -> Measuring {
        Measuring(self.requests.clone())
    }

    /// The page Prometheus reads here: what has these names, and nothing else of the process.
    pub(crate) fn page(&self) -> Result<String, PageError> {
        self.all.page_of(PREFIX)
    }
}
