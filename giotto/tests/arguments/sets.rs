//! Sets and maps, whose order is no part of their value.

use super::*;

type Hidden = HashSet<String>;

#[derive(Debug, Serialize, Deserialize)]
struct Plain {
    ids: HashSet<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Aliased {
    x: i64,
    #[serde(default)]
    names: Option<Hidden>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Nested {
    filter: Filter,
}

#[derive(Debug, Serialize, Deserialize)]
struct Filter {
    by: HashMap<String, Vec<HashSet<(u8, bool)>>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Flags {
    flags: Wrapped,
}

#[derive(Debug, Serialize, Deserialize)]
struct Wrapped(HashSet<bool>);

/// A set of what no sample is made of.
#[derive(Debug, Serialize, Deserialize)]
struct Picky {
    days: HashSet<Day>,
}

#[derive(Debug, PartialEq, Eq, Hash, Serialize)]
struct Day(String);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_day = text.starts_with("day ");
        let day = is_day.then_some(Self(text));
        day.ok_or_else(|| serde::de::Error::custom("no day"))
    }
}

/// A set behind the type of a list.
#[derive(Debug, Serialize, Deserialize)]
struct Converted {
    ids: Shuffled,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
struct Shuffled(HashSet<u64>);

impl From<Vec<u64>> for Shuffled {
    fn from(ids: Vec<u64>) -> Self {
        Self(ids.into_iter().collect())
    }
}

impl From<Shuffled> for Vec<u64> {
    fn from(ids: Shuffled) -> Self {
        ids.0.into_iter().collect()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Chosen {
    choice: Choice,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Choice {
    One(i64),
    Some(HashSet<String>),
}

#[derive(Debug, Serialize, Deserialize)]
struct Fixed {
    ids: HashSet<u32, std::hash::BuildHasherDefault<std::collections::hash_map::DefaultHasher>>,
}

#[model]
#[expect(clippy::needless_pass_by_value, reason = "a model owns its arguments")]
fn count(ids: HashSet<i64>) -> usize {
    ids.len()
}

#[test]
fn a_set_without_an_order_is_refused_for_a_program_with_a_cache() {
    is_refused::<Plain>(&["'ids'", "BTreeSet", ".cache(..)"]);
    is_refused::<Aliased>(&["'names'", "BTreeSet"]);
    is_refused::<Nested>(&["'filter'", "BTreeSet"]);
    is_refused::<Flags>(&["'flags'", "BTreeSet"]);
    is_refused::<Picky>(&["'days'", "BTreeSet"]);
    is_refused::<Converted>(&["'ids'", "BTreeSet"]);
    is_refused::<Chosen>(&["'choice'", "BTreeSet"]);
    is_refused::<Fixed>(&["'ids'", "BTreeSet"]);
    let model = Program::new(count).cache(60).view(BasicView::new());
    let refusal = App::new(Manifest::new([("it", model)])).check();
    assert!(refusal.unwrap_err().to_string().contains("'ids'"));
    let uncached = Program::new(count).view(BasicView::new());
    App::new(Manifest::new([("it", uncached)])).check().unwrap();
}

#[derive(Debug, Serialize, Deserialize)]
struct Ordered {
    ids: BTreeSet<u32>,
    #[serde(default)]
    flags: BTreeSet<bool>,
    #[serde(default)]
    map: HashMap<String, i64>,
    #[serde(default, serialize_with = "sorted")]
    sorted: HashSet<u32>,
}

fn sorted<S: Serializer>(ids: &HashSet<u32>, serializer: S) -> Result<S::Ok, S::Error> {
    ids.iter().collect::<BTreeSet<_>>().serialize(serializer)
}

#[tokio::test]
async fn what_has_an_order_has_one_key() {
    assert_eq!(check::<Ordered>(), Ok(()));
    let app = app::<Ordered>();
    let many: Vec<_> = (0..30).map(|n| format!("\"{n}\":{n}")).collect();
    let map = format!("{{{}}}", many.join(","));
    for round in 0..20 {
        let (ids, sorted) = match round % 2 {
            0 => (["1", "2", "3"], "[1,2,3,4,5,6,7,8]"),
            _ => (["3", "1", "2"], "[8,7,6,5,4,3,2,1,1]"),
        };
        let mut request = Request::new(HTTP_GET, "it").argument("map", map.clone());
        request = request.argument("sorted", sorted);
        for id in ids {
            request = request.argument("ids", id);
        }
        app.invoke(&mut request).await.unwrap();
    }
    assert_eq!(app.shared_cache().counts().computed, 1);
}
