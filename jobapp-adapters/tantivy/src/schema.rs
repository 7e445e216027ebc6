//! What the index holds of a gig.

use jobapp_gigs::{GigId, SearchDocument};
use jobapp_kernel::{ObjectId, Version};
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{TextAnalyzer, WhitespaceTokenizer};
use tantivy::{Index, TantivyDocument, Term};

/// The form of the index. To be raised whenever fields, words or their meaning change: an index of another form is built anew.
pub(crate) const FORM: &str = "jobapp gigs 2";

/// The name of the tokenizer: the words come from the core, one blank between them.
const WORDS: &str = "jobapp-words";

/// The name of the sort ids' field.
pub(crate) const SORT_ID: &str = "sort_id";
/// The name of the field that counts ratings.
pub(crate) const RATINGS: &str = "ratings";
/// The name of the versions' field.
pub(crate) const VERSION: &str = "version";
/// The name of the ids' field.
pub(crate) const ID: &str = "id";

/// The fields. Nothing is stored beside them: gigs are read from the store, so the index stays small.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    pub(crate) id: Field,
    pub(crate) version: Field,
    /// Whether it can be found. Paused and deleted gigs stay as their version, so that older news of them are recognised.
    pub(crate) listed: Field,
    pub(crate) sort_id: Field,
    pub(crate) price: Field,
    pub(crate) days: Field,
    pub(crate) words: Field,
    pub(crate) category: Field,
    pub(crate) top_rated: Field,
    pub(crate) ratings: Field,
}

/// The schema and its fields.
pub(crate) fn schema() -> (Schema, Fields) {
    let counted = words_indexed_as(IndexRecordOption::WithFreqs);
    let there_or_not = words_indexed_as(IndexRecordOption::Basic);
    let mut schema = Schema::builder();
    let fields = Fields {
        id: schema.add_bytes_field(ID, INDEXED | FAST),
        version: schema.add_u64_field(VERSION, FAST),
        listed: schema.add_u64_field("listed", INDEXED),
        sort_id: schema.add_u64_field(SORT_ID, FAST),
        price: schema.add_i64_field("price", FAST),
        days: schema.add_u64_field("days", INDEXED),
        words: schema.add_text_field("words", counted),
        category: schema.add_text_field("category", there_or_not),
        top_rated: schema.add_u64_field("top_rated", INDEXED),
        ratings: schema.add_u64_field(RATINGS, FAST),
    };
    (schema.build(), fields)
}

fn words_indexed_as(record: IndexRecordOption) -> TextOptions {
    let indexing = TextFieldIndexing::default().set_tokenizer(WORDS).set_index_option(record);
    TextOptions::default().set_indexing_options(indexing)
}

/// Teaches an index to read the words.
pub(crate) fn register_words(index: &Index) {
    index.tokenizers().register(WORDS, TextAnalyzer::builder(WhitespaceTokenizer::default()).build());
}

/// The term that only this gig has.
pub(crate) fn id_term(fields: Fields, id: &GigId) -> Term {
    Term::from_field_bytes(fields.id, id.0.as_bytes())
}

/// The gig of the bytes in the id field.
pub(crate) fn id_of(bytes: &[u8]) -> Option<GigId> {
    Some(GigId(ObjectId::from_bytes(bytes.try_into().ok()?)))
}

/// What the index holds of a gig at a version; `None` of one that is gone.
pub(crate) fn document(fields: Fields, id: &GigId, version: Version, gig: Option<&SearchDocument>) -> TantivyDocument {
    let mut document = TantivyDocument::default();
    document.add_bytes(fields.id, id.0.as_bytes());
    document.add_u64(fields.version, version);
    let Some(gig) = gig.filter(|gig| gig.active) else {
        document.add_u64(fields.listed, 0);
        return document;
    };
    document.add_u64(fields.listed, 1);
    document.add_u64(fields.sort_id, u64::try_from(gig.sort_id).unwrap_or_default());
    document.add_i64(fields.price, gig.price.cents());
    if let Some(days) = gig.days {
        document.add_u64(fields.days, days.into());
    }
    document.add_text(fields.words, gig.words.join(" "));
    document.add_text(fields.category, gig.category.join(" "));
    document.add_u64(fields.top_rated, gig.top_rated.into());
    document.add_u64(fields.ratings, gig.ratings.into());
    document
}
