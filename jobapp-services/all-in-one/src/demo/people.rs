//! The people of the demo and what they offer.

/// Somebody who sells.
pub(super) struct Seller {
    pub(super) username: &'static str,
    pub(super) full_name: &'static str,
    pub(super) country: &'static str,
    pub(super) oneliner: &'static str,
    pub(super) description: &'static str,
    pub(super) skills: &'static [&'static str],
    pub(super) gigs: &'static [Gig],
}

/// Something a seller offers.
pub(super) struct Gig {
    pub(super) title: &'static str,
    pub(super) category: &'static str,
    pub(super) sub_category: &'static str,
    pub(super) tags: &'static [&'static str],
    pub(super) price: u32,
    pub(super) days: u32,
    pub(super) description: &'static str,
}

/// Somebody who buys: user name and country.
pub(super) const BUYERS: [(&str, &str); 6] = [
    ("Marta", "Spain"),
    ("Jonas", "Germany"),
    ("Priya", "India"),
    ("Tomasz", "Poland"),
    ("Aiko", "Japan"),
    ("Samuel", "Ghana"),
];

/// What buyers say once the work is done: stars and words.
pub(super) const VERDICTS: [(u8, &str); 8] = [
    (5, "Quick, tidy and exactly what I asked for."),
    (5, "A pleasure to work with. I will be back."),
    (4, "Good work, one round of changes was needed."),
    (5, "Delivered a day early and even better than the draft."),
    (4, "Solid. The source files were well ordered."),
    (3, "Fine in the end, though answers took a while."),
    (5, "Understood the idea from three lines of text."),
    (5, "Professional from the first message to the last file."),
];

/// What buyers ask before they order.
pub(super) const QUESTIONS: [&str; 5] = [
    "Hello! Would you have time for a small job this week?",
    "Hi, I like your work. Could you do something like it for a bakery?",
    "Good morning. What do you need from me to get started?",
    "Hello, is the source file part of the package?",
    "Hi! Could you look at the file I have so far and tell me what you think?",
];

/// What sellers answer.
pub(super) const ANSWERS: [&str; 5] = [
    "Yes, gladly. Tell me what you have in mind and I start tomorrow.",
    "Of course. Send me the name, the colours you like and two examples you admire.",
    "Only a short brief: who it is for, what it should say, and by when.",
    "It is. You get everything, in formats you can open and change.",
    "With pleasure. I see what you are after, it needs a calmer layout.",
];

pub(super) const SELLERS: [Seller; 8] = [
    Seller {
        username: "Iria",
        full_name: "Iria Costa",
        country: "Portugal",
        oneliner: "Logos drawn by hand, finished on screen",
        description: "I have drawn marks for cafes, bands and two universities. Every logo starts on paper.",
        skills: &["Logo design", "Illustration", "Typography"],
        gigs: &[
            Gig {
                title: "I will draw a hand-made logo for your small business",
                category: "Graphics & Design",
                sub_category: "Logo Design",
                tags: &["logo", "hand-drawn", "branding"],
                price: 60,
                days: 3,
                description: "Three drafts on paper, one finished in vector form, with a one-page guide to colours and space.",
            },
            Gig {
                title: "I will design business cards people keep",
                category: "Graphics & Design",
                sub_category: "Business Cards",
                tags: &["print", "cards", "stationery"],
                price: 25,
                days: 2,
                description: "Front and back, ready for any printer, in the paper and finish that suits you.",
            },
        ],
    },
    Seller {
        username: "Mateo",
        full_name: "Mateo Rossi",
        country: "Italy",
        oneliner: "Web shops that load before you blink",
        description: "Ten years of web development, mostly for shops that had become slow and wanted to be fast again.",
        skills: &["TypeScript", "Rust", "Performance"],
        gigs: &[
            Gig {
                title: "I will make your web site load in under a second",
                category: "Programming & Tech",
                sub_category: "Website Development",
                tags: &["performance", "web", "speed"],
                price: 180,
                days: 5,
                description: "I measure, list what costs time, repair the worst of it and show you the figures before and after.",
            },
            Gig {
                title: "I will write a small API in Rust with tests",
                category: "Programming & Tech",
                sub_category: "APIs",
                tags: &["rust", "api", "backend"],
                price: 240,
                days: 7,
                description: "Up to ten endpoints with validation, tests and a container, documented so that your team can take over.",
            },
        ],
    },
    Seller {
        username: "Leila",
        full_name: "Leila Haddad",
        country: "Jordan",
        oneliner: "Translations that read as if written here",
        description: "Arabic, French and English. I translate for museums, medical journals and a children's publisher.",
        skills: &["Translation", "Proofreading", "Arabic"],
        gigs: &[
            Gig {
                title: "I will translate 1,000 words between English and Arabic",
                category: "Writing & Translation",
                sub_category: "Translation",
                tags: &["arabic", "english", "translation"],
                price: 45,
                days: 2,
                description: "A native reader goes over every text before you get it. Medical and legal terms are welcome.",
            },
            Gig {
                title: "I will proofread your French article",
                category: "Writing & Translation",
                sub_category: "Proofreading",
                tags: &["french", "editing", "article"],
                price: 20,
                days: 1,
                description: "Grammar, rhythm and consistency, with every change marked and explained where it is not obvious.",
            },
        ],
    },
    Seller {
        username: "Owen",
        full_name: "Owen Price",
        country: "Wales",
        oneliner: "A warm voice for your story",
        description: "Stage actor, twelve audio books, a quiet room and a good microphone.",
        skills: &["Voice over", "Narration", "Audio editing"],
        gigs: &[Gig {
            title: "I will record a British voice over for your video",
            category: "Music & Audio",
            sub_category: "Voice Over",
            tags: &["voice", "british", "narration"],
            price: 75,
            days: 2,
            description: "Up to 300 words, cleaned and levelled, with one free retake if a word should sound different.",
        }],
    },
    Seller {
        username: "Nadia",
        full_name: "Nadia Petrova",
        country: "Bulgaria",
        oneliner: "Short films for products with a story",
        description: "I cut films for small brands: from your phone's footage to something you are proud to show.",
        skills: &["Video editing", "Colour grading", "Motion graphics"],
        gigs: &[
            Gig {
                title: "I will edit a one-minute product video",
                category: "Video & Animation",
                sub_category: "Video Editing",
                tags: &["video", "editing", "product"],
                price: 110,
                days: 4,
                description: "Cut, colour, sound and titles. Two rounds of changes, all common formats.",
            },
            Gig {
                title: "I will animate your logo in five seconds",
                category: "Video & Animation",
                sub_category: "Logo Animation",
                tags: &["logo", "animation", "intro"],
                price: 40,
                days: 3,
                description: "A short, calm animation with sound that works as an intro and as a loop.",
            },
        ],
    },
    Seller {
        username: "Kwame",
        full_name: "Kwame Boateng",
        country: "Ghana",
        oneliner: "Numbers you can act on",
        description: "I turn spreadsheets into answers. Statistician by training, plain words by habit.",
        skills: &["Data analysis", "Python", "Dashboards"],
        gigs: &[Gig {
            title: "I will analyse your sales data and write a plain report",
            category: "Data",
            sub_category: "Data Analysis",
            tags: &["data", "report", "sales"],
            price: 130,
            days: 5,
            description: "You send the file, I send four pages: what happened, why, what is likely next, and how sure I am.",
        }],
    },
    Seller {
        username: "Sofie",
        full_name: "Sofie Jensen",
        country: "Denmark",
        oneliner: "Campaigns without the shouting",
        description: "Eight years of marketing for shops that would rather be useful than loud.",
        skills: &["Search engine optimisation", "Copywriting", "Newsletters"],
        gigs: &[
            Gig {
                title: "I will write five newsletters your readers open",
                category: "Digital Marketing",
                sub_category: "Email Marketing",
                tags: &["newsletter", "copy", "email"],
                price: 90,
                days: 6,
                description: "Subject lines tested in pairs, texts in your voice, and a calendar for when to send them.",
            },
            Gig {
                title: "I will check your site for search engines",
                category: "Digital Marketing",
                sub_category: "Search Engine Optimization",
                tags: &["seo", "audit", "search"],
                price: 35,
                days: 2,
                description: "A list of what holds you back, ordered by effect, with what to change and how.",
            },
        ],
    },
    Seller {
        username: "Hiroshi",
        full_name: "Hiroshi Tanaka",
        country: "Japan",
        oneliner: "Retouching nobody notices",
        description: "Photographer and retoucher. The best compliment is that nothing looks done.",
        skills: &["Photo retouching", "Product photos", "Colour"],
        gigs: &[Gig {
            title: "I will retouch ten product photos",
            category: "Photography",
            sub_category: "Product Photography",
            tags: &["photo", "retouching", "product"],
            price: 30,
            days: 1,
            description: "Clean backgrounds, true colours, dust and scratches gone. Same look across the whole set.",
        }],
    },
];
