//! Profiles for sample sellers.

use jobapp_kernel::Ids;

use crate::{Buyer, Certificate, Dice, Education, Experience, Item, Language, Profile};

/// A trade, what its people can do, and the degree they have.
const TRADES: [(&str, [&str; 4], &str); 8] = [
    ("Web developer", ["TypeScript", "React", "CSS", "Accessibility"], "Computer science"),
    ("Illustrator", ["Ink drawing", "Procreate", "Colour theory", "Book covers"], "Fine arts"),
    ("Copywriter", ["Editing", "Product texts", "Newsletters", "Interviews"], "Literature"),
    ("Video editor", ["Cutting", "Colour grading", "Sound", "Subtitles"], "Film"),
    ("Translator", ["Contracts", "Manuals", "Fiction", "Proofreading"], "Linguistics"),
    ("Data analyst", ["SQL", "Python", "Dashboards", "Statistics"], "Mathematics"),
    ("Voice actor", ["Audiobooks", "Commercials", "Dubbing", "Podcasts"], "Drama"),
    ("Marketing planner", ["Campaigns", "Search engines", "Social media", "Budgets"], "Business"),
];
const LANGUAGES: [&str; 6] = ["English", "Spanish", "German", "French", "Portuguese", "Hindi"];
const LEVELS: [&str; 4] = ["Basic", "Conversational", "Fluent", "Native"];
const PLACES: [&str; 6] = ["Blue Harbour", "Northgate", "Papermill", "Three Rivers", "Old Foundry", "Lighthouse"];

fn one_of<T: Copy>(items: &[T], dice: &dyn Dice) -> Option<T> {
    let sides = u64::try_from(items.len()).unwrap_or(u64::MAX);
    items.get(usize::try_from(dice.below(sides)).unwrap_or(0)).copied()
}

/// A believable profile for a buyer.
pub(crate) fn profile_for(buyer: &Buyer, dice: &dyn Dice, ids: &dyn Ids) -> Profile {
    let (trade, skills, major) = one_of(&TRADES, dice).unwrap_or(TRADES[0]);
    let years = 2 + dice.below(15);
    let place = || one_of(&PLACES, dice).unwrap_or(PLACES[0]).to_owned();
    let graduated = 2022 - years;
    let profile = Profile {
        full_name: buyer.username().to_owned(),
        picture: buyer.picture().to_owned(),
        picture_id: ids.object_id().to_string(),
        description: format!(
            "{trade} with {years} years of experience. I listen first, agree on what is to be done, and keep my dates."
        ),
        country: buyer.country().to_owned(),
        oneliner: format!("{trade}, {years} years in the trade"),
        skills: skills.iter().map(ToString::to_string).collect(),
        languages: vec![Item::new(Language {
            language: one_of(&LANGUAGES, dice).unwrap_or(LANGUAGES[0]).to_owned(),
            level: one_of(&LEVELS, dice).unwrap_or(LEVELS[0]).to_owned(),
        })],
        #[expect(clippy::cast_precision_loss, reason = "at most 24")]
        response_time: (1 + dice.below(24)) as f64,
        experience: vec![Item::new(Experience {
            company: format!("{} Studio", place()),
            title: trade.to_owned(),
            start_date: format!("May {}", graduated + 1),
            end_date: "Present".to_owned(),
            description: format!("Work as a {} for customers of all sizes.", trade.to_lowercase()),
            currently_working_here: true,
        })],
        education: vec![Item::new(Education {
            country: buyer.country().to_owned(),
            university: format!("{} University", place()),
            title: "Bachelor".to_owned(),
            major: major.to_owned(),
            year: graduated.to_string(),
        })],
        social_links: Vec::new(),
        certificates: vec![Item::new(Certificate {
            name: format!("Certified {}", trade.to_lowercase()),
            from: format!("{} Institute", place()),
            #[expect(clippy::cast_precision_loss, reason = "a year")]
            year: Some((graduated + 1) as f64),
        })],
    };
    profile.with_ids(ids)
}
