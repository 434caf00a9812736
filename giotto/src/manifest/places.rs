//! The places of all programs in a manifest, of which [`Addresses`] are made.
//!
//! Before the first request.

use super::tree::{Kind, Manifest};
use crate::address::{Addresses, Place};
use crate::program::Program;
use crate::request::Controller;
use crate::site::Site;

impl Manifest {
    /// The addresses of its programs at `site`, under their paths and under aliases.
    pub(crate) fn addresses(&self, site: &Site) -> Addresses {
        let mut places = Vec::new();
        self.collect("", &mut places);
        let mut aliased = Vec::new();
        self.collect_aliases(self, "", &places, &mut aliased);
        places.append(&mut aliased);
        Addresses::new(places, site.clone())
    }

    fn collect(&self, prefix: &str, places: &mut Vec<Place>) {
        for (name, item) in &self.entries {
            match &item.0 {
                Kind::Manifest(inner) => inner.collect(&joined(prefix, name), places),
                Kind::Programs(programs) => {
                    // A segment after the root of a manifest names another program.
                    let takes_segments = !name.is_empty();
                    let name = joined(prefix, name);
                    let programs = programs.iter();
                    places.extend(programs.map(|program| place(&name, program, takes_segments)));
                }
                Kind::Alias(_) => {}
            }
        }
    }

    fn collect_aliases(
        &self,
        root: &Self,
        prefix: &str,
        places: &[Place],
        aliased: &mut Vec<Place>,
    ) {
        for (name, item) in &self.entries {
            match &item.0 {
                Kind::Manifest(inner) => {
                    inner.collect_aliases(root, &joined(prefix, name), places, aliased);
                }
                Kind::Alias(target) => {
                    let programs = root.at(root, target, 0).into_iter().flatten();
                    aliased.extend(programs.map(|program| {
                        let mut own = places.iter().filter(|own| own.name == program.path());
                        let takes_segments = own.all(|own| own.takes_segments);
                        place(&joined(prefix, name), program, takes_segments)
                    }));
                }
                Kind::Programs(_) => {}
            }
        }
    }
}

fn joined(prefix: &str, name: &str) -> String {
    match (prefix, name) {
        ("", name) => name.to_owned(),
        (prefix, "") => prefix.to_owned(),
        (prefix, name) => format!("{prefix}/{name}"),
    }
}

fn place(name: &str, program: &Program, takes_segments: bool) -> Place {
    let mut controllers = Vec::from(Controller::ALL);
    controllers.retain(|controller| program.answers(*controller));
    Place {
        name: name.to_owned(),
        path: program.path().to_owned(),
        takes_segments,
        controllers,
        parameters: program.parameters().to_vec(),
        has_middleware: program.has_input_middleware(),
        mimes: program.mimes().to_vec(),
    }
}
