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

/// Expects one page for all requests, however often they come.
pub(super) async fn have_one_page<A>(requests: &[Given<'_>])
where
    A: DeserializeOwned + Serialize + Debug + Send + 'static,
{
    assert_eq!(check::<A>(), Ok(()));
    let app = app::<A>();
    for _ in 0..10 {
        for given in requests {
            page(&app, given).await;
        }
    }
    assert_eq!(app.shared_cache().counts().computed, 1, "{requests:?}");
}

#[tokio::test]
async fn a_set_has_one_page_whatever_its_order() {
    have_one_page::<Plain>(&[
        &[("ids", "[1,2,3,4,5,6,7,8]")],
        &[("ids", "[8,7,6,5,4,3,2,1]")],
        &[("ids", "[8,8,7,6,5,4,3,2,1,1]")],
    ])
    .await;
    have_one_page::<Aliased>(&[
        &[("x", "1"), ("names", "a"), ("names", "b"), ("names", "c")],
        &[("x", "1"), ("names", "c"), ("names", "b"), ("names", "a")],
    ])
    .await;
    have_one_page::<Flags>(&[
        &[("flags", "[true,false]")],
        &[("flags", "[false,true]")],
        &[("flags", "[false,true,false]")],
    ])
    .await;
    have_one_page::<Fixed>(&[&[("ids", "[1,2,3]")], &[("ids", "[3,2,1]")]]).await;
    let [one, two] = [&[("ids", "[1,2]")][..], &[("ids", "[1,3]")]];
    differ_in_count::<Plain>(&[one, two]).await;
    let model = Program::new(count).cache(60).view(BasicView::new());
    App::new(Manifest::new([("it", model)])).check().unwrap();
}

/// A page shows a set in any order.
async fn differ_in_count<A>(requests: &[Given<'_>])
where
    A: DeserializeOwned + Serialize + Debug + Send + 'static,
{
    let app = app::<A>();
    for given in [requests, requests].concat() {
        page(&app, given).await;
    }
    assert_eq!(app.shared_cache().counts().computed, requests.len() as u64);
}

/// What is read in any order of its own, by a type that writes its items as they come.
#[tokio::test]
async fn a_set_within_another_type_has_one_page_for_one_request() {
    let sets = "{\"by\":{\"b\":[[[1,true],[2,true],[3,false]],[[4,true],[5,true]]],\"a\":[]}}";
    have_one_page::<Nested>(&[&[("filter", sets)]]).await;
    let days = "[\"day 1\",\"day 2\",\"day 3\",\"day 4\",\"day 5\"]";
    have_one_page::<Picky>(&[&[("days", days)]]).await;
    have_one_page::<Converted>(&[&[("ids", "[1,2,3,4,5,6]")]]).await;
    have_one_page::<Chosen>(&[&[("choice", "[\"a\",\"b\",\"c\",\"d\"]")]]).await;
    have_one_page::<Preset>(&[&[]]).await;
    have_one_page::<Preset>(&[
        &[("filter", "{\"words\":[\"a\",\"b\",\"c\"]}")],
        &[("filter", "{\"words\":[\"c\",\"b\",\"a\"]}")],
    ])
    .await;
}

#[derive(Debug, Serialize, Deserialize)]
struct Preset {
    #[serde(default)]
    filter: Words,
    #[serde(default = "letters")]
    letters: HashSet<char>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Words {
    words: HashSet<String>,
    #[serde(default)]
    page: u8,
}

impl Default for Words {
    fn default() -> Self {
        let words = ["x", "y", "z", "w"].map(str::to_owned).into();
        Self { words, page: 1 }
    }
}

fn letters() -> HashSet<char> {
    ('a'..='h').collect()
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
