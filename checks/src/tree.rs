//! One crate: its files as modules, and which file a path leads to.
//!
//! The third step of a structure check. A re-export is followed to where the item is defined.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Import, Path, Source};

/// Longer than any chain of re-exports, so that one that leads to itself ends.
const MAX_REEXPORTS: usize = 16;

/// A crate, found from its root by its `mod` declarations.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The root is the first.
    pub(crate) files: Vec<File>,
    /// Each module, inline ones too, and the file in which it stands.
    modules: BTreeMap<Path, usize>,
    /// `mod name;` without a file.
    pub(crate) missing: Vec<String>,
}

/// A file of a crate.
#[derive(Debug)]
pub(crate) struct File {
    /// Below `src`.
    pub(crate) path: String,
    pub(crate) module: Path,
    pub(crate) source: Source,
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: usize,
    pub(crate) module: Path,
    /// What of the path is no module: an item, and what it has.
    pub(crate) rest: Path,
}

impl Tree {
    /// The crate whose root is the file `root` of `texts`, which has the text of each file by its path below `src`.
    pub(crate) fn new(root: &str, texts: &BTreeMap<String, String>) -> Self {
        let mut tree = Self {
            files: Vec::new(),
            modules: BTreeMap::new(),
            missing: Vec::new(),
        };
        if let Some(text) = texts.get(root) {
            tree.add(root, Vec::new(), text, texts);
        }
        tree
    }

    fn add(&mut self, path: &str, module: Path, text: &str, texts: &BTreeMap<String, String>) {
        let source = Source::parse(text);
        let index = self.files.len();
        self.modules.insert(module.clone(), index);
        let (mut inline, mut children) = (Vec::new(), Vec::new());
        for declared in &source.modules {
            let of_crate = [&*module, &declared.path].concat();
            match declared.inline {
                true => inline.push(of_crate),
                false => children.push(of_crate),
            }
        }
        self.modules
            .extend(inline.into_iter().map(|module| (module, index)));
        let path = path.to_owned();
        self.files.push(File {
            path,
            module,
            source,
        });
        for child in children {
            let stem = child.join("/");
            let names = [format!("{stem}.rs"), format!("{stem}/mod.rs")];
            match names.iter().find_map(|name| texts.get_key_value(name)) {
                Some((name, text)) => self.add(name, child, text, texts),
                None => self.missing.push(stem),
            }
        }
    }

    /// The module in which a `path` that stands in `module` begins, and what follows; `None` if it is another crate's.
    pub(crate) fn begin<'p>(
        &self,
        module: &[String],
        path: &'p [String],
    ) -> Option<(Path, &'p [String])> {
        let (first, rest) = path.split_first()?;
        let mut begin = module.to_vec();
        match &**first {
            "crate" => return Some((Vec::new(), rest)),
            "self" => return Some((begin, rest)),
            "super" => begin.truncate(begin.len().checked_sub(1)?),
            _ => return self.is_known(module, first).then_some((begin, path)),
        }
        match rest.first().is_some_and(|next| next == "super") {
            true => self.begin(&begin, rest),
            false => Some((begin, rest)),
        }
    }

    /// The place to which a `path` that stands in `module` leads; `None` if it leads out of the crate.
    pub(crate) fn find(&self, module: &[String], path: &[String]) -> Option<Place> {
        self.follow(module, path, MAX_REEXPORTS)
    }

    fn follow(&self, module: &[String], path: &[String], reexports: usize) -> Option<Place> {
        let (mut at, mut rest) = self.begin(module, path)?;
        while let Some((name, after)) = rest.split_first() {
            let child = [&*at, std::slice::from_ref(name)].concat();
            if self.modules.contains_key(&child) {
                (at, rest) = (child, after);
                continue;
            }
            if self.defines(&at, name) || reexports == 0 {
                break;
            }
            let Some(import) = self.import_of(&at, name, reexports - 1) else {
                break;
            };
            let mut path = import.path.clone();
            path.extend_from_slice(if import.name.is_some() { after } else { rest });
            return self.follow(&at, &path, reexports - 1);
        }
        let file = match rest.first().and_then(|name| self.exported_macro(&at, name)) {
            Some(file) => file,
            None => *self.modules.get(&at)?,
        };
        let rest = rest.to_vec();
        Some(Place {
            file,
            module: at,
            rest,
        })
    }

    /// Whether `name` in `module` is of this crate, or was made to seem so by an import.
    fn is_known(&self, module: &[String], name: &String) -> bool {
        let child = [module, std::slice::from_ref(name)].concat();
        self.modules.contains_key(&child) || self.named_import(module, name).is_some()
    }

    fn defines(&self, module: &[String], name: &String) -> bool {
        let Some(file) = self.modules.get(module).map(|file| &self.files[*file]) else {
            return false;
        };
        let inline = module.strip_prefix(&*file.module).unwrap_or(module);
        let path = [inline, std::slice::from_ref(name)].concat();
        file.source.items.contains(&path)
    }

    /// The import by which `module` has `name`: by name, or all that another module has.
    fn import_of(&self, module: &[String], name: &String, reexports: usize) -> Option<&Import> {
        let leads_to = |import: &&Import| {
            let place = self.follow(module, &import.path, reexports);
            place.is_some_and(|place| self.has(&place.module, name))
        };
        let all = || {
            self.imports(module)
                .filter(|import| import.name.is_none())
                .find(leads_to)
        };
        self.named_import(module, name).or_else(all)
    }

    /// Whether `module` has `name` without importing it from all that a third one has.
    fn has(&self, module: &[String], name: &String) -> bool {
        self.is_known(module, name) || self.defines(module, name)
    }

    /// The file of a macro that stands in the root because it is exported.
    fn exported_macro(&self, module: &[String], name: &String) -> Option<usize> {
        let mut files = self.files.iter();
        let file = files.position(|file| file.source.macros.contains(name))?;
        module.is_empty().then_some(file)
    }

    /// The import by which `module` has `name`, by that name.
    pub(crate) fn named_import(&self, module: &[String], name: &String) -> Option<&Import> {
        // Not `use name;`, which would name itself.
        let is_it = |import: &&Import| {
            import.name.as_ref() == Some(name) && import.path[..] != [name.clone()]
        };
        self.imports(module).find(is_it)
    }

    fn imports(&self, module: &[String]) -> impl Iterator<Item = &Import> {
        let file = self.modules.get(module).map(|file| &self.files[*file]);
        file.into_iter().flat_map(move |file| {
            let inline = module.strip_prefix(&*file.module).unwrap_or(module);
            let of_module = move |import: &&Import| import.within == inline;
            file.source.imports.iter().filter(of_module)
        })
    }

    /// The files to which each file leads, each with the line and the path that is the first to lead there.
    pub(crate) fn arrows(&self) -> Vec<BTreeMap<usize, Arrow>> {
        let indices = 0..self.files.len();
        indices.map(|from| self.arrows_of(from)).collect()
    }

    fn arrows_of(&self, from: usize) -> BTreeMap<usize, Arrow> {
        let file = &self.files[from];
        let mut arrows = BTreeMap::new();
        let mut lead = |within: &[String], path: &[String], line| {
            let module = [&*file.module, within].concat();
            if let Some(place) = self.find(&module, path)
                && place.file != from
            {
                let path = path.join("::");
                arrows.entry(place.file).or_insert(Arrow { line, path });
            }
        };
        let firsts: BTreeSet<&String> = file
            .source
            .mentions
            .iter()
            .filter_map(|mention| mention.path.first())
            .collect();
        for import in &file.source.imports {
            let module = [&*file.module, &import.within].concat();
            let is_module = self
                .find(&module, &import.path)
                .is_some_and(|place| place.rest.is_empty());
            let is_used = match &import.name {
                // A re-export is no use, but the file may use the item itself, too.
                Some(name) if import.exported => file.source.words.contains(name),
                // The paths that begin with the module tell what of it is used.
                Some(name) if is_module => !firsts.contains(name),
                Some(_) => true,
                None => !import.exported,
            };
            if is_used {
                lead(&import.within, &import.path, import.line);
            }
        }
        for mention in &file.source.mentions {
            lead(&mention.within, &mention.path, mention.line);
        }
        arrows
    }
}

/// The line and the path by which one file leads to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrow {
    pub(crate) line: usize,
    pub(crate) path: String,
}
