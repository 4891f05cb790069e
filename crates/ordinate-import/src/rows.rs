//! Rows of a list deep in a JSON file, one at a time: neither the list nor what stands beside it is kept.

use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::marker::PhantomData;
use std::rc::Rc;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};

use crate::error::{ImportError, LimitHit, Place};
use crate::lenient::{Lenient, UNCOUNTED};
use crate::log::{Bounded, Lines, Log};
use crate::options::Limits;

/// Takes one row and its index.
pub(crate) type Take<'a, T> = dyn FnMut(T, u64) -> Result<(), ImportError> + 'a;

/// Hands out each element of the list under `keys`; `false` when there is no such list.
pub(crate) fn each_row<T: for<'de> Deserialize<'de>>(
    log: &Log,
    limits: &Limits,
    keys: &'static [&'static str],
    take: &mut Take<'_, T>,
) -> Result<bool, ImportError> {
    let mut bounded = Bounded::plain(log.read(limits)?, limits.entry_bytes, "JSON file");
    walk(&mut bounded, &log.place(), limits, keys, take)
}

/// Hands out each row of a file that has one a line or, as some versions of tools wrote it, all in one list.
pub(crate) fn each_line<T: for<'de> Deserialize<'de>>(
    log: &Log,
    limits: &Limits,
    take: &mut dyn FnMut(T, &Place) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    if log.is_list(limits)? {
        each_row(log, limits, &[], &mut |row, at| take(row, &log.place().field(&format!("[{at}]"))))?;
        return Ok(());
    }
    let mut lines = Lines::open(log, limits)?;
    while let Some(row) = lines.next()? {
        take(row, &lines.place())?;
    }
    Ok(())
}

/// Hands out each element of the list under `keys` in `reader`; `false` when there is no such list.
pub(crate) fn walk<T: for<'de> Deserialize<'de>>(
    reader: &mut dyn Read,
    place: &Place,
    limits: &Limits,
    keys: &'static [&'static str],
    take: &mut Take<'_, T>,
) -> Result<bool, ImportError> {
    let (meter, values) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(UNCOUNTED)));
    let metered = Metered { inner: reader, meter: Rc::clone(&meter), most: limits.line_bytes };
    let lenient = Lenient::counting(metered, limits.values, Rc::clone(&values));
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(lenient));
    let mut failed = None;
    let mut at = 0;
    let walk = Walk { keys, take, failed: &mut failed, at: &mut at, meter: &meter, values: &values };
    let found = walk.deserialize(&mut json).and_then(|found| json.end().map(|()| found));
    match (failed, found) {
        (Some(error), _) => Err(error),
        (None, Ok(found)) => Ok(found),
        (None, Err(error)) => {
            let place = place.clone();
            let place =
                if meter.get().is_some() { place.field(&format!("{}[{at}]", keys.join("."))) } else { place };
            Err(place.json(error))
        }
    }
}

/// Counts the bytes of the row that is being read, while there is one.
struct Metered<R> {
    inner: R,
    meter: Rc<Cell<Option<u64>>>,
    most: u64,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(count) = self.meter.get() {
            let count = count + read as u64;
            if count > self.most {
                return Err(io::Error::other(LimitHit {
                    problem: format!("this row is longer than {} bytes", self.most),
                    next: "no evaluation writes such a row: make sure that the file is what it claims to be"
                        .into(),
                }));
            }
            self.meter.set(Some(count));
        }
        Ok(read)
    }
}

struct Walk<'a, 'b, T> {
    keys: &'static [&'static str],
    take: &'a mut Take<'b, T>,
    failed: &'a mut Option<ImportError>,
    at: &'a mut u64,
    meter: &'a Cell<Option<u64>>,
    values: &'a Cell<u64>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Walk<'_, '_, T> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        if self.keys.is_empty() {
            deserializer.deserialize_seq(self)
        } else {
            deserializer.deserialize_map(self)
        }
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Walk<'_, '_, T> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.keys.first() {
            Some(key) => write!(f, "an object with `{key}`"),
            None => f.write_str("a list"),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let Some((first, rest)) = self.keys.split_first() else { return Ok(false) };
        let mut inner = Some(Walk { keys: rest, ..self });
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            match inner.take_if(|_| key == *first) {
                Some(walk) => found = map.next_value_seed(walk)?,
                // What nobody keeps may be of any size.
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        self.meter.set(Some(0));
        self.values.set(0);
        while let Some(row) = list.next_element()? {
            if let Err(error) = (self.take)(row, *self.at) {
                *self.failed = Some(error);
                return Err(A::Error::custom("stopped"));
            }
            *self.at += 1;
            self.meter.set(Some(0));
            self.values.set(0);
        }
        self.meter.set(None);
        self.values.set(UNCOUNTED);
        Ok(true)
    }
}

/// A JSON file without its list under `list`, which may be of any length.
pub(crate) fn without<T: for<'de> Deserialize<'de>>(
    log: &Log,
    limits: &Limits,
    list: &'static str,
) -> Result<T, ImportError> {
    let values = Rc::new(Cell::new(0));
    let bounded = Bounded::plain(log.read(limits)?, limits.entry_bytes, "JSON file");
    let lenient = Lenient::counting(bounded, limits.values, Rc::clone(&values));
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(lenient));
    let rest = Without { list, values: &values, kept: PhantomData };
    json.deserialize_map(rest)
        .and_then(|rest| json.end().map(|()| rest))
        .map_err(|error| log.place().json(error))
}

struct Without<'a, T> {
    list: &'static str,
    values: &'a Cell<u64>,
    kept: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Without<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(Passing { inner, list: self.list, values: self.values }))
    }
}

/// Passes over one key of an object.
struct Passing<'a, A> {
    inner: A,
    list: &'static str,
    values: &'a Cell<u64>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Passing<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.inner.next_key::<String>()? {
            if key != self.list {
                return seed.deserialize(key.into_deserializer()).map(Some);
            }
            self.values.set(UNCOUNTED);
            self.inner.next_value::<IgnoredAny>()?;
            self.values.set(0);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.inner.next_value_seed(seed)
    }
}
