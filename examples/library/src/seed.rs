//! The first 3,000 books: invented, and the same on every machine.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Transaction, params};

use crate::books::Subject;

pub(crate) const BOOKS: u32 = 3_000;
const AUTHORS: usize = 420;

const FIRST_NAMES: &str = "Ada Agnes Albert Alma Amara Anton Astrid Basil Beatrice Boris Camille Cecil Clara Conrad Dagmar Dalia \
    Edith Elias Emil Esther Felix Flora Frida Gideon Greta Hanna Hector Helene Hugo Ida Ingrid Irma Isaac Ivo Jasper Jonas Josefa \
    Julia Karim Klara Laila Leo Leonora Linus Lotte Lucian Mabel Magnus Marta Matilda Milo Miriam Nadia Nora Olive Omar Oscar Otto \
    Paula Petra Philippa Quentin Rafael Rahel Rosa Rufus Ruth Samuel Selma Silas Simone Stella Sven Tabea Theo Thomas Ursula Vera \
    Viktor Walter Wanda Willa Xenia Yara Yusuf Zoe";
const LAST_NAMES: &str = "Abel Achterberg Adler Almeida Amsel Arden Ashby Baltz Barlow Bellamy Berg Birch Blackwood Brandt Calloway \
    Castell Clement Corvin Dahl Darrow Delacroix Drake Eisner Ellery Engel Everhart Falk Fenwick Ferrer Finch Fontaine Garnier Gray \
    Greenwood Haas Hale Harrow Hawthorn Holm Ibsen Iverson Jansen Keller Kestrel Kovacs Kramer Larkin Lindgren Lorenz Lovell Marlow \
    Mercer Moreau Nightingale Novak Oakes Okafor Orsini Paget Pereira Quill Rademacher Ravn Reed Rosen Rowan Sandoval Seidel Selby \
    Sinclair Sorel Stern Strand Tanaka Thorne Tolland Ulrich Vance Varga Vogel Voss Wakefield Weiss Winter Wolff Yates Zeller";
const ADJECTIVES: &str = "Amber Broken Crooked Distant Early Empty First Forgotten Gentle Golden Hidden Hollow Invisible Last Little \
    Lost Midnight Nameless Northern Open Paper Patient Quiet Red Salt Second Secret Silent Silver Sleeping Slow Small Strange Unwritten \
    Wandering White Wild Winter Yellow Younger";
const NOUNS: &str = "Almanac Apprentice Archive Atlas Bakery Bell Bridge Cartographer Clock Comet Compass Daughter Echo Feather Ferry \
    Fountain Garden Gardener Glacier Harbour Harvest House Island Journey Kingdom Lantern Letter Library Lighthouse Map Market Meadow \
    Mirror Mountain Orchard Painter Passage Piano Postman River Road Season Shore Signal Staircase Storm Telescope Tide Tower Traveller \
    Village Violin Voyage Window Winter Witness";
const PLACES: &str = "Aarhus Bergen Bohemia Cadiz Delft Elba Fife Ghent Hamburg Istria Jutland Kent Lisbon Lucca Madeira Mersea Narvik \
    Odessa Porto Quimper Ravenna Riga Salamanca Tartu Trieste Uppsala Vienna Weimar York Zadar";

/// A small generator of numbers (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn one_of<'t>(&mut self, list: &[&'t str]) -> &'t str {
        list[self.below(list.len())]
    }
}

/// The lists of words.
struct Words([Vec<&'static str>; 3]);

impl Words {
    fn title(&self, numbers: &mut Numbers, author: &str) -> String {
        let [adjectives, nouns, places] = &self.0;
        let (adjective, noun, other) = (
            numbers.one_of(adjectives),
            numbers.one_of(nouns),
            numbers.one_of(nouns),
        );
        let place = numbers.one_of(places);
        match numbers.below(8) {
            0 | 1 => format!("The {adjective} {noun}"),
            2 => format!("The {noun} of {place}"),
            3 => format!("The {noun} and the {other}"),
            4 => format!("{adjective} {noun}"),
            5 => format!("A {noun} in {place}")
                .replace("A A", "An A")
                .replace("A E", "An E")
                .replace("A I", "An I")
                .replace("A O", "An O"),
            6 => format!("The {noun}’s {other}"),
            _ => format!("Letters from {place}, by {author}"),
        }
    }

    fn summary(&self, numbers: &mut Numbers, subject: Subject) -> String {
        let [adjectives, nouns, places] = &self.0;
        let (adjective, noun) = (
            numbers.one_of(adjectives).to_lowercase(),
            numbers.one_of(nouns).to_lowercase(),
        );
        let place = numbers.one_of(places);
        let kind = match subject {
            Subject::Fiction => "A novel about",
            Subject::Poetry => "Poems about",
            Subject::History => "The true story of",
            Subject::Science => "What we know, and do not know, about",
            Subject::Travel => "On foot and by rail in search of",
            Subject::Nature => "A year beside",
            Subject::Art => "A painter’s life with",
            Subject::Children => "For readers from six: the adventures of",
        };
        format!("{kind} the {adjective} {noun} of {place}.")
    }
}

/// Writes the authors and the books.
pub(crate) fn fill(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let words = Words([ADJECTIVES, NOUNS, PLACES].map(|list| list.split_whitespace().collect()));
    let mut numbers = Numbers(1450);
    let authors = authors(&mut numbers);
    let mut insert = transaction.prepare("INSERT INTO authors (id, name) VALUES (?1, ?2)")?;
    for (id, name) in &authors {
        insert.execute(params![*id as u32, name])?;
    }
    let mut insert = transaction.prepare(
        "INSERT INTO books (title, author, year, subject, pages, copies, summary, words, added)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, date('2019-01-01', ?9))",
    )?;
    let mut titles = BTreeSet::new();
    while titles.len() < BOOKS as usize {
        let author = 1 + (numbers.below(AUTHORS) * numbers.below(AUTHORS)) / AUTHORS;
        let name = &authors[&author];
        let subject = Subject::ALL[numbers.below(Subject::ALL.len())];
        let title = words.title(&mut numbers, name);
        if titles.insert(title.clone()) {
            let [year, pages, copies] = [(1870, 155), (48, 560), (1, 4)]
                .map(|(least, span)| (least + numbers.below(span)) as u32);
            let summary = words.summary(&mut numbers, subject);
            let added = format!("+{} days", titles.len() * 8 / 9);
            let found_by = format!("{title} {name}").to_lowercase();
            insert.execute(params![
                title,
                author as u32,
                year,
                subject.name(),
                pages,
                copies,
                summary,
                found_by,
                added
            ])?;
        }
    }
    Ok(())
}

/// The authors, by number.
fn authors(numbers: &mut Numbers) -> BTreeMap<usize, String> {
    let [first, last] =
        [FIRST_NAMES, LAST_NAMES].map(|list| list.split_whitespace().collect::<Vec<_>>());
    let mut names = BTreeSet::new();
    while names.len() < AUTHORS {
        names.insert(format!(
            "{} {}",
            numbers.one_of(&first),
            numbers.one_of(&last)
        ));
    }
    (1..).zip(names).collect()
}
