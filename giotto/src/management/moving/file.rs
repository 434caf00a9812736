//! `cache/export` and `cache/import`: all that the store has as a file, and back.
//!
//! Runs no model.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::outcome::Report;
use crate::error::Result;
use crate::management::model::{Documented, refused, shown};
use crate::management::operator::Operator;
use crate::program::Program;

pub(in crate::management) fn export() -> Program {
    let model = Documented {
        model: |arguments: Arguments, operator: Operator| write(arguments, operator),
        parameters: &[("file", "The file to write. It must not be there yet.")],
    };
    Program::new(model)
        .description(
            "Writes everything that is in the cache to a file: export cache.export\n\n\
             Only the user who runs it can read the file, which has every page. It gets its name when it is complete.",
        )
        .view(shown())
}

pub(in crate::management) fn import() -> Program {
    let model = Documented {
        model: |arguments: Arguments, operator: Operator| read(arguments, operator),
        parameters: &[("file", "A file that `export` has written.")],
    };
    Program::new(model)
        .description(
            "Stores what an export has, unless the cache has something newer: import cache.export\n\n\
             A file that is damaged, cut short or of another version is refused before anything is stored. It can be repeated \
             after an interruption.",
        )
        .view(shown())
}

#[derive(Serialize, Deserialize)]
struct Arguments {
    file: String,
}

async fn write(arguments: Arguments, operator: Operator) -> Result<Report> {
    operator.check_keeps("export")?;
    let cache = operator.app.shared_cache();
    let moved = cache.export(Path::new(&arguments.file)).await;
    let wrong =
        |error: giotto_cache::Error| refused("file", arguments.file.clone(), error.to_string());
    Ok(Report {
        from: format!("{:?}", cache.store()),
        to: arguments.file.clone(),
        moved: moved.map_err(wrong)?,
    })
}

async fn read(arguments: Arguments, operator: Operator) -> Result<Report> {
    operator.check_keeps("import")?;
    let cache = operator.app.shared_cache();
    let moved = cache.import(Path::new(&arguments.file)).await;
    let wrong =
        |error: giotto_cache::Error| refused("file", arguments.file.clone(), error.to_string());
    let moved = moved.map_err(wrong)?;
    cache.store().settle().await;
    Ok(Report {
        from: arguments.file,
        to: format!("{:?}", cache.store()),
        moved,
    })
}
