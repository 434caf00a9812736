//! A reader: joins, reads what everybody reads, borrows books and gives them back.
//!
//! Each has books that no one else borrows, so that it is known at any time what the pages must show of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::browser::{Browser, Page, secret};
use super::draw::Draw;
use super::oracle::{Fact, Written};
use super::scene::Scene;
use super::site::PROCESSES;
use super::writer::{ADDED, EDITED, REVIEWED};

/// The first of the books that readers borrow, and how many each has.
const BORROWED: u32 = 1_000;
const EACH: u32 = 4;
/// A reader looks at a page for so long.
const LOOK: Duration = Duration::from_millis(40);

/// The state of the loans of one reader.
struct Loans {
    /// What is borrowed, by the last write that was answered.
    borrowed: BTreeSet<u32>,
    /// The last write of each book that was answered.
    written: BTreeMap<u32, Written>,
    /// Those of which a write was cut. It may have been made without its invalidation.
    unknown: BTreeSet<u32>,
}

/// Lives until the scene is over.
pub(super) async fn reads(scene: Scene, number: u32) {
    let mut draw = Draw::new(number);
    let mut browser = Browser::new(scene.clone(), secret(number));
    let process = number as usize % PROCESSES;
    browser.joins(process, &secret(number)).await;
    scene.tally.joined();
    let mut loans = Loans {
        borrowed: BTreeSet::new(),
        written: BTreeMap::new(),
        unknown: BTreeSet::new(),
    };
    while !scene.is_over() {
        let process = draw.below(PROCESSES as u32) as usize;
        match draw.below(10) {
            0 => {
                loans
                    .changes(&mut browser, process, number, &mut draw)
                    .await
            }
            1 => loans.looks(&mut browser, process, number).await,
            2 => loans.counts(&mut browser, process, number, &mut draw).await,
            _ => public(&mut browser, process, &mut draw).await,
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Reads a page that is the same for everybody.
async fn public(browser: &mut Browser, process: usize, draw: &mut Draw) {
    let reviewed = REVIEWED.start + draw.below(REVIEWED.end - REVIEWED.start);
    let edited = EDITED.start + draw.below(EDITED.end - EDITED.start);
    let (review, title) = (Fact('R', reviewed), Fact('T', edited));
    match draw.below(9) {
        0..=2 => {
            browser
                .reads(process, &format!("/book/{reviewed}"), &[review])
                .await
        }
        3 => {
            browser
                .reads(process, &format!("/book/{edited}"), &[title])
                .await
        }
        4 => {
            browser
                .reads(process, &format!("/books?q=factT{edited}n"), &[title])
                .await
        }
        5 => browser.reads(process, "/books?sort=new", &[ADDED]).await,
        6 => browser.reads(process, "/feed", &[ADDED]).await,
        7 => {
            browser
                .reads(process, &format!("/cover?id={edited}"), &[title])
                .await
        }
        _ => {
            browser
                .reads(process, &format!("/book/{}", 1 + draw.below(60)), &[])
                .await
        }
    };
}

impl Loans {
    /// Borrows one of its books, or gives it back.
    async fn changes(
        &mut self,
        browser: &mut Browser,
        process: usize,
        reader: u32,
        draw: &mut Draw,
    ) {
        let book = BORROWED + EACH * reader + draw.below(EACH);
        // Nobody knows what a killed process has made of a form: the book is given back.
        let is_borrowed = self.borrowed.contains(&book) || self.unknown.contains(&book);
        let path = match is_borrowed {
            true => format!("/give-back/{book}"),
            false => format!("/borrow/{book}"),
        };
        self.unknown.insert(book);
        let Some(_) = browser.fills(process, &path, &[]).await else {
            return;
        };
        self.unknown.remove(&book);
        match is_borrowed {
            true => self.borrowed.remove(&book),
            false => self.borrowed.insert(book),
        };
        let written = Written {
            number: u64::from(book),
            process,
            at: Instant::now(),
        };
        self.written.insert(book, written);
    }

    /// Looks at the page of one of its books, which says how many copies are left.
    async fn counts(&self, browser: &mut Browser, process: usize, reader: u32, draw: &mut Draw) {
        let book = BORROWED + EACH * reader + draw.below(EACH);
        let path = format!("/book/{book}");
        let Some(page) = browser.reads(process, &path, &[]).await else {
            return;
        };
        let expected = u32::from(self.borrowed.contains(&book));
        if let Some(written) = self.written.get(&book)
            && !self.unknown.contains(&book)
            && on_loan(&page) != Some(expected)
        {
            let what = format!(
                "{path} has {:?} copies on loan, not {expected}",
                on_loan(&page)
            );
            browser.is_old(&page, *written, &what);
        }
    }

    /// Looks at its own loans, which are what it has borrowed.
    async fn looks(&self, browser: &mut Browser, process: usize, reader: u32) {
        let Some(page) = browser.reads(process, "/loans", &[]).await else {
            return;
        };
        let own = BORROWED + EACH * reader..BORROWED + EACH * (reader + 1);
        let shown: BTreeSet<u32> = own.filter(|book| shows(&page, *book)).collect();
        let differs = |book: &&u32| !self.unknown.contains(*book);
        let different = shown.symmetric_difference(&self.borrowed);
        for book in different.filter(differs) {
            if let Some(written) = self.written.get(book) {
                let what = format!("/loans of reader {reader} differs in {book}");
                browser.is_old(&page, *written, &what);
            }
        }
    }
}

/// Whether the page of loans has this book.
fn shows(page: &Page, book: u32) -> bool {
    let link = format!("/give-back/{book}");
    let ends = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_digit());
    page.body.split(link.as_str()).skip(1).any(ends)
}

/// How many copies are on loan, as the page of a book says: `2 of 3` are not.
fn on_loan(page: &Page) -> Option<u32> {
    let (_, rest) = page.body.split_once("id=\"available\">")?;
    let (text, _) = rest.split_once('<')?;
    let mut numbers = text
        .split_whitespace()
        .filter_map(|word| word.parse::<u32>().ok());
    let (available, copies) = (numbers.next()?, numbers.next()?);
    copies.checked_sub(available)
}
