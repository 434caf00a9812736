//! A form of a page, as a reader fills it in, and what a browser sends of it.

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// No part of a file of a test has this line.
const BOUNDARY: &str = "7d9f2c1ab4e85f30";

/// A form of a page, filled in by [`set`](Self::set): what a [`Client`](super::Client) sends.
///
/// It has the controls that the page shows, so that a test fails if the page lacks one. Scripts do not run.
#[derive(Clone, Debug)]
pub struct Form {
    action: String,
    method: Method,
    controls: Vec<Control>,
    files: Vec<File>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    PostMultipart,
}

#[derive(Clone, Debug)]
pub(super) struct Control {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) kind: Kind,
}

/// What a reader does with a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Types into it; a hidden field is such, too.
    Typed,
    /// Chooses it among others, or alone if only one of its name can be.
    Offered { is_chosen: bool, is_one: bool },
    /// Attaches a file.
    File,
}

#[derive(Clone, Debug)]
struct File {
    name: String,
    file: String,
    content: Bytes,
}

impl Form {
    pub(super) const fn new(action: String, method: Method) -> Self {
        Self {
            action,
            method,
            controls: Vec::new(),
            files: Vec::new(),
        }
    }

    pub(super) const fn controls(&mut self) -> &mut Vec<Control> {
        &mut self.controls
    }

    /// Where it is sent to: `/books?page=2`.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The value of the control `name` that would be sent now, the first of several.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.pairs()
            .find_map(|(own, value)| (own == name).then_some(value))
    }

    /// The same form with `value` typed into the control `name`, or chosen there: a check box, a radio button, an option of a
    /// selection, or the button that sends the form.
    ///
    /// # Panics
    ///
    /// If there is no such control or choice.
    #[must_use]
    #[track_caller]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        let has =
            |control: &Control, kind: fn(Kind) -> bool| control.name == name && kind(control.kind);
        if let Some(typed) = self
            .controls
            .iter_mut()
            .find(|own| has(own, |kind| kind == Kind::Typed))
        {
            value.clone_into(&mut typed.value);
            return self;
        }
        let is_offered = |kind| matches!(kind, Kind::Offered { .. });
        let mut is_set = false;
        for control in self.controls.iter_mut().filter(|own| has(own, is_offered)) {
            let Kind::Offered { is_chosen, is_one } = &mut control.kind else {
                continue;
            };
            let is_it = control.value == value;
            *is_chosen = is_it || (*is_chosen && !*is_one);
            is_set |= is_it;
        }
        assert!(is_set, "no {name}={value} in {self:?}");
        self
    }

    /// The same form with nothing in the control `name`, and nothing chosen there.
    ///
    /// # Panics
    ///
    /// If there is no such control.
    #[must_use]
    #[track_caller]
    pub fn clear(mut self, name: &str) -> Self {
        let mut controls: Vec<_> = self
            .controls
            .iter_mut()
            .filter(|own| own.name == name)
            .collect();
        assert!(!controls.is_empty(), "no {name} in the form");
        for control in &mut controls {
            match &mut control.kind {
                Kind::Offered { is_chosen, .. } => *is_chosen = false,
                Kind::Typed | Kind::File => control.value.clear(),
            }
        }
        self
    }

    /// The same form with a file of this name and content attached to the control `name`.
    ///
    /// # Panics
    ///
    /// If there is no such control for a file.
    #[must_use]
    #[track_caller]
    pub fn attach(mut self, name: &str, file: &str, content: impl Into<Bytes>) -> Self {
        let mut controls = self.controls.iter();
        let is_there = controls.any(|own| own.name == name && own.kind == Kind::File);
        assert!(is_there, "no file {name} in {self:?}");
        self.files.push(File {
            name: name.to_owned(),
            file: file.to_owned(),
            content: content.into(),
        });
        self
    }

    /// What is filled in and chosen.
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let sent = self.controls.iter().filter(|control| match control.kind {
            Kind::Typed => true,
            Kind::Offered { is_chosen, .. } => is_chosen,
            Kind::File => false,
        });
        sent.map(|control| (control.name.as_str(), control.value.as_str()))
    }

    /// The address that it is sent to, and with a POST the media type and the body.
    pub(super) fn sent(&self) -> (String, Option<(String, Bytes)>) {
        match self.method {
            Method::Get => {
                let path = super::address::path(&self.action);
                (format!("{path}?{}", urlencoded(self.pairs())), None)
            }
            Method::Post => {
                let content_type = "application/x-www-form-urlencoded".to_owned();
                let body = urlencoded(self.pairs()).into();
                (self.action.clone(), Some((content_type, body)))
            }
            Method::PostMultipart => {
                let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
                (self.action.clone(), Some((content_type, self.multipart())))
            }
        }
    }

    /// The body as RFC 7578 has it.
    fn multipart(&self) -> Bytes {
        let mut body = Vec::new();
        let mut part = |head: &str, content: &[u8]| {
            let line = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n");
            body.extend_from_slice(line.as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        };
        for (name, value) in self.pairs() {
            part(&format!("name=\"{name}\""), lines(value).as_bytes());
        }
        for File {
            name,
            file,
            content,
        } in &self.files
        {
            let media = "\r\nContent-Type: application/octet-stream";
            part(
                &format!("name=\"{name}\"; filename=\"{file}\"{media}"),
                content,
            );
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        body.into()
    }
}

/// `pairs` as a form sends them.
pub(super) fn urlencoded<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>) -> String {
    let encode = |text: &str| utf8_percent_encode(&lines(text), NON_ALPHANUMERIC).to_string();
    let pairs = pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// `text` with the ends of lines that browsers send.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}
