//! Searches, as the engine understands them. Texts never pass its query parser.

use std::collections::BTreeMap;
use std::ops::Bound;

use jobapp_gigs::{Extent, GigId, Hits, MOST_HITS, Match, SearchDocument, SearchError, SearchQuery, Start, words};
use jobapp_kernel::Version;
use tantivy::collector::sort_key::SortByStaticFastValue;
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{BooleanQuery, Occur, Query, RangeQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocAddress, DocSet, Order, Searcher, TERMINATED, Term};

use crate::error::search_error;
use crate::schema::{Fields, ID, RATINGS, SORT_ID, VERSION, id_of, id_term};

/// How many of a gig's words are compared for similar ones: those that the fewest gigs have.
const TELLING_WORDS: usize = 25;

type Clauses = Vec<(Occur, Box<dyn Query>)>;

/// One search, on the index as it was when it began.
pub(crate) struct Asked {
    searcher: Searcher,
    fields: Fields,
}

impl Asked {
    pub(crate) const fn new(searcher: Searcher, fields: Fields) -> Self {
        Self { searcher, fields }
    }

    /// How much the index holds.
    pub(crate) fn extent(&self) -> Result<Extent, SearchError> {
        let listed = TermQuery::new(Term::from_field_u64(self.fields.listed, 1), IndexRecordOption::Basic);
        let listed = self.searcher.search(&listed, &Count).map_err(search_error)?;
        Ok(Extent { listed: listed as u64, known: self.searcher.num_docs(), generation: None })
    }

    /// The page a query asks for.
    pub(crate) fn page(&self, query: &SearchQuery) -> Result<Hits, SearchError> {
        let (total, wanted) = self.all_or_any(query.words.len(), |wanted| self.meant(query, wanted))?;
        let gigs = if total == 0 { Vec::new() } else { self.gigs_of_page(query, wanted)? };
        Ok(Hits { total: total.min(MOST_HITS), gigs })
    }

    fn gigs_of_page(&self, query: &SearchQuery, wanted: Match) -> Result<Vec<GigId>, SearchError> {
        let size = query.size.max(1);
        match query.start {
            Start::Offset(offset) if offset > MOST_HITS => Ok(Vec::new()),
            Start::Offset(offset) => self.sorted(self.meant(query, wanted), Order::Asc, size, offset),
            Start::After(cursor) => {
                let mut meant = self.meant(query, wanted);
                meant.push(self.sort_ids(Bound::Excluded(cursor), Bound::Unbounded));
                self.sorted(meant, Order::Asc, size, 0)
            }
            Start::Before(cursor) => {
                let mut meant = self.meant(query, wanted);
                meant.push(self.sort_ids(Bound::Unbounded, Bound::Excluded(cursor)));
                let mut gigs = self.sorted(meant, Order::Desc, size, 0)?;
                if gigs.len() < size {
                    return self.sorted(self.meant(query, wanted), Order::Asc, size, 0);
                }
                gigs.reverse();
                Ok(gigs)
            }
        }
    }

    /// The newest gigs of a category.
    pub(crate) fn newest(&self, category: Option<&str>, limit: usize) -> Result<Hits, SearchError> {
        let category = words(category.unwrap_or_default());
        let (total, wanted) = self.all_or_any(category.len(), |wanted| self.of_category(&category, wanted))?;
        let gigs = match total {
            0 => Vec::new(),
            _ => self.sorted(self.of_category(&category, wanted), Order::Desc, limit.max(1), 0)?,
        };
        Ok(Hits { total: total.min(MOST_HITS), gigs })
    }

    /// The top rated gigs of a category.
    pub(crate) fn top_rated(&self, category: Option<&str>, limit: usize) -> Result<Hits, SearchError> {
        let category = words(category.unwrap_or_default());
        let top = |wanted| {
            let mut meant = self.of_category(&category, wanted);
            meant.push(must(Term::from_field_u64(self.fields.top_rated, 1)));
            meant
        };
        let (total, wanted) = self.all_or_any(category.len(), top)?;
        if total == 0 {
            return Ok(Hits::default());
        }
        let by_ratings = (SortByStaticFastValue::<u64>::for_field(RATINGS), Order::Desc);
        let by_age = (SortByStaticFastValue::<u64>::for_field(SORT_ID), Order::Desc);
        let collector = TopDocs::with_limit(limit.max(1)).order_by((by_ratings, by_age));
        let found = self.searcher.search(&BooleanQuery::new(top(wanted)), &collector).map_err(search_error)?;
        let gigs = self.ids(found.into_iter().map(|(_, address)| address))?;
        Ok(Hits { total: total.min(MOST_HITS), gigs })
    }

    /// Gigs that share words with this one.
    pub(crate) fn similar(&self, gig: &SearchDocument, limit: usize) -> Result<Hits, SearchError> {
        let mut telling = BTreeMap::new();
        for word in &gig.words {
            let term = Term::from_field_text(self.fields.words, word);
            let holders = self.searcher.doc_freq(&term).map_err(search_error)?;
            if holders > 0 {
                telling.insert((holders, word), term);
            }
        }
        if telling.is_empty() {
            return Ok(Hits::default());
        }
        let shared = telling.into_values().take(TELLING_WORDS).map(|term| {
            let query: Box<dyn Query> = Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs));
            (Occur::Should, query)
        });
        let shared: Box<dyn Query> = Box::new(BooleanQuery::new(shared.collect()));
        let itself = TermQuery::new(id_term(self.fields, &gig.id), IndexRecordOption::Basic);
        let meant = vec![self.listed(), (Occur::Must, shared), (Occur::MustNot, Box::new(itself))];
        let collector = (Count, TopDocs::with_limit(limit.max(1)).order_by_score());
        let (total, found) = self.searcher.search(&BooleanQuery::new(meant), &collector).map_err(search_error)?;
        Ok(Hits { total: total.min(MOST_HITS), gigs: self.ids(found.into_iter().map(|(_, address)| address))? })
    }

    /// The version at which a gig is known.
    pub(crate) fn version_of(&self, id: &GigId) -> Result<Option<Version>, SearchError> {
        let term = id_term(self.fields, id);
        for segment in self.searcher.segment_readers() {
            let ids = segment.inverted_index(self.fields.id).map_err(search_error)?;
            let read = |error: std::io::Error| search_error(error.into());
            let Some(mut postings) = ids.read_postings(&term, IndexRecordOption::Basic).map_err(read)? else {
                continue;
            };
            let versions = segment.fast_fields().u64(VERSION).map_err(search_error)?;
            let mut doc = postings.doc();
            while doc != TERMINATED {
                if !segment.is_deleted(doc) {
                    return Ok(versions.first(doc));
                }
                doc = postings.advance();
            }
        }
        Ok(None)
    }

    /// How many gigs have all words; if none has, and there are several words, how many have any.
    fn all_or_any(&self, words: usize, meant: impl Fn(Match) -> Clauses) -> Result<(usize, Match), SearchError> {
        let count = |wanted| self.searcher.search(&BooleanQuery::new(meant(wanted)), &Count).map_err(search_error);
        let with_all = count(Match::All)?;
        if with_all > 0 || words < 2 {
            return Ok((with_all, Match::All));
        }
        Ok((count(Match::Any)?, Match::Any))
    }

    fn meant(&self, query: &SearchQuery, wanted: Match) -> Clauses {
        let mut meant = vec![self.listed()];
        meant.extend(having(self.fields.words, &query.words, wanted));
        if let Some(days) = query.days {
            meant.push(must(Term::from_field_u64(self.fields.days, days.into())));
        }
        if query.min_price.is_some() || query.max_price.is_some() {
            let bound = |price: Option<jobapp_kernel::Money>| {
                price.map_or(Bound::Unbounded, |price| {
                    Bound::Included(Term::from_field_i64(self.fields.price, price.cents()))
                })
            };
            meant.push((Occur::Must, Box::new(RangeQuery::new(bound(query.min_price), bound(query.max_price)))));
        }
        meant
    }

    fn of_category(&self, category: &[String], wanted: Match) -> Clauses {
        let mut meant = vec![self.listed()];
        meant.extend(having(self.fields.category, category, wanted));
        meant
    }

    fn listed(&self) -> (Occur, Box<dyn Query>) {
        must(Term::from_field_u64(self.fields.listed, 1))
    }

    fn sort_ids(&self, from: Bound<i64>, to: Bound<i64>) -> (Occur, Box<dyn Query>) {
        let term = |id| Term::from_field_u64(self.fields.sort_id, u64::try_from(id).unwrap_or_default());
        (Occur::Must, Box::new(RangeQuery::new(from.map(term), to.map(term))))
    }

    fn sorted(&self, meant: Clauses, order: Order, limit: usize, offset: usize) -> Result<Vec<GigId>, SearchError> {
        let collector = TopDocs::with_limit(limit).and_offset(offset).order_by_fast_field::<u64>(SORT_ID, order);
        let found = self.searcher.search(&BooleanQuery::new(meant), &collector).map_err(search_error)?;
        self.ids(found.into_iter().map(|(_, address)| address))
    }

    fn ids(&self, found: impl Iterator<Item = DocAddress>) -> Result<Vec<GigId>, SearchError> {
        let missing = || SearchError::Damaged("a gig in the index has no id".into());
        let mut columns = BTreeMap::new();
        let mut ids = Vec::new();
        let mut bytes = Vec::new();
        for DocAddress { segment_ord, doc_id } in found {
            let column = match columns.entry(segment_ord) {
                std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::btree_map::Entry::Vacant(new) => {
                    let fast_fields = self.searcher.segment_reader(segment_ord).fast_fields();
                    new.insert(fast_fields.bytes(ID).map_err(search_error)?.ok_or_else(missing)?)
                }
            };
            let ord = column.term_ords(doc_id).next().ok_or_else(missing)?;
            bytes.clear();
            column.ord_to_bytes(ord, &mut bytes).map_err(|error| search_error(error.into()))?;
            ids.push(id_of(&bytes).ok_or_else(missing)?);
        }
        Ok(ids)
    }
}

fn must(term: Term) -> (Occur, Box<dyn Query>) {
    (Occur::Must, Box::new(TermQuery::new(term, IndexRecordOption::Basic)))
}

/// Gigs whose field has enough of these words.
fn having(field: Field, words: &[String], wanted: Match) -> Clauses {
    let term = |word: &String| Term::from_field_text(field, word);
    match wanted {
        Match::All => words.iter().map(|word| must(term(word))).collect(),
        Match::Any => {
            let any = words.iter().map(|word| (Occur::Should, must(term(word)).1)).collect();
            vec![(Occur::Must, Box::new(BooleanQuery::new(any)))]
        }
    }
}
