//! Structures within a request. serde takes a list for one too, member by member; the service does
//! not.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::{Map, Value};

/// A member that is a structure.
pub(super) fn one<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let found = Option::<Structure<T>>::deserialize(deserializer)?;
    Ok(found.map(|it| it.0))
}

/// A member that is a list of them.
pub(super) fn list<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let found = Option::<Vec<Structure<T>>>::deserialize(deserializer)?;
    Ok(found.map(|it| it.into_iter().map(|it| it.0).collect()))
}

struct Structure<T>(T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Structure<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Map::deserialize(deserializer)?;
        let whole = T::deserialize(Value::Object(members));
        whole.map(Self).map_err(D::Error::custom)
    }
}
