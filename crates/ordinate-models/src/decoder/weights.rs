//! The tensors of a decoder, read one at a time from safetensors or a GGUF file, and never outside of a file's bounds.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::quantized::gguf_file::Content;
use candle_core::{DType, Device, Tensor, Var};
use serde::Deserialize;

use super::learning::Learning;
use super::linear::{Linear, Weight};
use crate::error::ModelError;

/// Where a tensor stands in a safetensors file.
#[derive(Debug, Clone)]
struct Place {
    file: usize,
    dtype: DType,
    shape: Vec<usize>,
    start: u64,
    bytes: usize,
}

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

enum Store {
    Safetensors { files: Vec<(PathBuf, File)>, places: HashMap<String, Place> },
    Gguf { path: PathBuf, file: File, content: Content },
}

/// The tensors of a model, by name.
pub(crate) struct Weights {
    store: Store,
    /// Names that were not asked for.
    left: BTreeMap<String, ()>,
    parameters: u64,
    bytes: u64,
    /// What of it is trained, or was.
    learning: Learning,
    variables: BTreeMap<String, Var>,
}

/// What was read of a file.
pub(crate) struct Counted {
    pub(crate) parameters: u64,
    pub(crate) bytes: u64,
    /// By name; none where nothing is to be trained.
    pub(crate) variables: BTreeMap<String, Var>,
}

/// The first line of an error: candle's have back-traces.
pub(crate) fn plain(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

pub(super) fn wrong(path: &Path, problem: &str) -> ModelError {
    crate::source::file(
        path,
        &format!("{problem}; the file is cut off, damaged, or of another model: fetch it again"),
    )
}

fn opened(path: &Path) -> Result<(File, u64), ModelError> {
    let open = || -> std::io::Result<(File, u64)> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok((file, size))
    };
    open().map_err(|error| crate::source::file(path, &format!("cannot be read: {error}")))
}

/// The head of a safetensors file: where each tensor stands, held to the size of the file.
fn head(path: &Path, number: usize) -> Result<(File, Vec<(String, Place)>), ModelError> {
    let (mut file, size) = opened(path)?;
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| wrong(path, "has no head"))?;
    let length = u64::from_le_bytes(length);
    let data = length.checked_add(8).filter(|end| *end <= size);
    let data = data.ok_or_else(|| wrong(path, "has a head that is longer than the file"))?;
    let mut text = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact(&mut text).map_err(|error| wrong(path, &error.to_string()))?;
    let entries: HashMap<String, serde_json::Value> =
        serde_json::from_slice(&text).map_err(|_| wrong(path, "has no head of safetensors"))?;
    let mut places = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        if name == "__metadata__" {
            continue;
        }
        let entry: Entry = serde_json::from_value(entry)
            .map_err(|error| wrong(path, &format!("the tensor {name}: {error}")))?;
        let dtype = match entry.dtype.as_str() {
            "F32" => DType::F32,
            "F16" => DType::F16,
            "BF16" => DType::BF16,
            "F64" => DType::F64,
            // Its name is known; whether it is needed is seen when it is asked for.
            _ => DType::U8,
        };
        let (start, end) = entry.data_offsets;
        let cells = entry.shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
        let bytes = cells.and_then(|cells| cells.checked_mul(dtype.size_in_bytes()));
        let fits = end.checked_sub(start).is_some() && end.checked_add(data).is_some_and(|end| end <= size);
        let whole =
            dtype == DType::U8 || bytes.is_some_and(|bytes| bytes as u64 == end.saturating_sub(start));
        match bytes {
            Some(bytes) if fits && whole => {
                let start = data + start;
                places.push((name, Place { file: number, dtype, shape: entry.shape, start, bytes }));
            }
            _ => return Err(wrong(path, &format!("the tensor {name} does not fit into the file"))),
        }
    }
    Ok((file, places))
}

impl Weights {
    /// Safetensors in one file or several.
    pub(crate) fn safetensors(paths: &[PathBuf]) -> Result<Self, ModelError> {
        let (mut files, mut places) = (Vec::new(), HashMap::new());
        for (number, path) in paths.iter().enumerate() {
            let (file, found) = head(path, number)?;
            files.push((path.clone(), file));
            places.extend(found);
        }
        let left = places.keys().map(|name| (name.clone(), ())).collect();
        let store = Store::Safetensors { files, places };
        Ok(Self::of(store, left))
    }

    fn of(store: Store, left: BTreeMap<String, ()>) -> Self {
        let (learning, variables) = (Learning::Nothing, BTreeMap::new());
        Self { store, left, parameters: 0, bytes: 0, learning, variables }
    }

    /// The same, where something of it is trained, or was.
    pub(crate) fn learning(self, learning: Learning) -> Self {
        Self { learning, ..self }
    }

    /// That the embedding can be the head too.
    ///
    /// # Errors
    /// [`ModelError::File`] of an adapter that parted them.
    pub(crate) fn tied(&self) -> Result<(), ModelError> {
        self.learning.tied()
    }

    /// A GGUF file.
    pub(crate) fn gguf(path: &Path) -> Result<Self, ModelError> {
        let (file, _) = opened(path)?;
        let content = super::head::read(path, &file)?;
        for (name, info) in &content.tensor_infos {
            let cells =
                info.shape.dims().iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
            if cells.is_none_or(|cells| cells > usize::MAX / 16) {
                return Err(wrong(path, &format!("the tensor {name} has an impossible shape")));
            }
        }
        let left = content.tensor_infos.keys().map(|name| (name.clone(), ())).collect();
        let store = Store::Gguf { path: path.to_owned(), file, content };
        Ok(Self::of(store, left))
    }

    /// The head of the GGUF file, where it is one.
    pub(crate) fn content(&self) -> Option<&Content> {
        match &self.store {
            Store::Gguf { content, .. } => Some(content),
            Store::Safetensors { .. } => None,
        }
    }

    pub(crate) fn is_gguf(&self) -> bool {
        self.content().is_some()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.shape(name).is_some()
    }

    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        match &self.store {
            Store::Safetensors { places, .. } => Some(&places.get(name)?.shape),
            Store::Gguf { content, .. } => Some(content.tensor_infos.get(name)?.shape.dims()),
        }
    }

    /// The numbers in all the tensors, but for those that count places and do not come from training.
    pub(crate) fn parameters(&self) -> u64 {
        let trained = |name: &str| !name.ends_with("position_ids") && !name.ends_with("inv_freq");
        match &self.store {
            Store::Safetensors { places, .. } => {
                let trained = places.iter().filter(|(name, _)| trained(name));
                total(trained.map(|(_, place)| cells(&place.shape)))
            }
            Store::Gguf { content, .. } => {
                total(content.tensor_infos.values().map(|info| cells(info.shape.dims())))
            }
        }
    }

    /// The memory that all the tensors will take: 4 bytes a number, but what is quantised stays as it is.
    pub(crate) fn memory(&self) -> u64 {
        match &self.store {
            Store::Safetensors { places, .. } => {
                total(places.values().map(|place| cells(&place.shape).saturating_mul(4)))
            }
            Store::Gguf { content, .. } => {
                let bytes = content.tensor_infos.values().map(|info| {
                    let dtype = info.ggml_dtype;
                    if dtype.block_size() == 1 {
                        return cells(info.shape.dims()).saturating_mul(4);
                    }
                    (cells(info.shape.dims()) / dtype.block_size() as u64)
                        .saturating_mul(dtype.type_size() as u64)
                });
                total(bytes)
            }
        }
    }

    /// What is wrong with the file of a tensor.
    pub(crate) fn fault(&self, name: &str, problem: &str) -> ModelError {
        let path = match &self.store {
            Store::Safetensors { files, places } => {
                files.get(places.get(name).map_or(0, |place| place.file)).map(|(path, _)| path.clone())
            }
            Store::Gguf { path, .. } => Some(path.clone()),
        };
        wrong(&path.unwrap_or_default(), problem)
    }

    fn weight(&mut self, name: &str, wanted: &[usize]) -> Result<Weight, ModelError> {
        let Some(found) = self.shape(name) else {
            return Err(self.fault(name, &format!("there is no tensor {name}")));
        };
        if found != wanted {
            let problem = format!("{wanted:?} is expected of {name}, and it is {found:?}");
            return Err(self.fault(name, &problem));
        }
        self.left.remove(name);
        let read = match &mut self.store {
            Store::Safetensors { files, places } => {
                let place = places.get(name).cloned();
                place.and_then(|place| Some((files.get_mut(place.file)?, place))).map_or_else(
                    || Err("it is not there".to_owned()),
                    |((_, file), place)| dense(file, &place).map(Weight::Dense),
                )
            }
            Store::Gguf { file, content, .. } => content
                .tensor(file, name, &Device::Cpu)
                .and_then(|tensor| {
                    if tensor.dtype().block_size() == 1 {
                        tensor.dequantize(&Device::Cpu).map(Weight::Dense)
                    } else {
                        Ok(Weight::Quantised(Arc::new(tensor)))
                    }
                })
                .map_err(|error| plain(&error)),
        };
        let read = read
            .map_err(|problem| self.fault(name, &format!("the tensor {name} cannot be read: {problem}")))?;
        match read {
            Weight::Dense(tensor) => {
                self.learning.weight(name, tensor, &mut self.variables).map(Weight::Dense)
            }
            quantised @ Weight::Quantised(_) => Ok(quantised),
        }
    }

    /// A tensor as `f32`.
    pub(crate) fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, ModelError> {
        let tensor = match self.weight(name, shape)? {
            Weight::Dense(tensor) => tensor,
            Weight::Quantised(tensor) => {
                tensor.dequantize(&Device::Cpu).map_err(|error| ModelError::Failed(plain(&error)))?
            }
        };
        self.parameters += tensor.elem_count() as u64;
        self.bytes += 4 * tensor.elem_count() as u64;
        Ok(tensor)
    }

    /// A matrix of `outputs` x `inputs` named `stem.weight`, and its bias `stem.bias`: with one (`Some(true)`),
    /// without (`Some(false)`), or as the file has it.
    pub(crate) fn linear(
        &mut self,
        stem: &str,
        (outputs, inputs): (usize, usize),
        biased: Option<bool>,
    ) -> Result<Linear, ModelError> {
        let weight = self.weight(&format!("{stem}.weight"), &[outputs, inputs])?;
        let bias = format!("{stem}.bias");
        let bias = if biased.unwrap_or_else(|| self.has(&bias)) {
            Some(self.weight(&bias, &[outputs])?)
        } else {
            None
        };
        let bias = match bias {
            Some(Weight::Dense(bias)) => Some(bias),
            Some(Weight::Quantised(bias)) => {
                Some(bias.dequantize(&Device::Cpu).map_err(|error| ModelError::Failed(plain(&error)))?)
            }
            None => None,
        };
        let update = self.learning.update(stem, (outputs, inputs), &mut self.variables)?;
        let linear = Linear::new(weight, bias, update);
        let (parameters, bytes) = linear.count();
        self.parameters += parameters;
        self.bytes += bytes;
        Ok(linear)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Where the file has tensors that nobody asked for: then it is another architecture than it says. So has an adapter.
    pub(crate) fn finish(self, ignored: impl Fn(&str) -> bool) -> Result<Counted, ModelError> {
        self.learning.finish()?;
        match self.left.keys().find(|name| !ignored(name)) {
            None => {
                let variables = self.variables;
                Ok(Counted { parameters: self.parameters, bytes: self.bytes, variables })
            }
            Some(name) => {
                let problem = format!("the tensor {name} has no place in a model of this architecture");
                Err(self.fault(name, &problem))
            }
        }
    }
}

/// The numbers in a tensor. A head that lies must not overflow.
fn cells(shape: &[usize]) -> u64 {
    shape.iter().fold(1, |product: u64, &size| product.saturating_mul(size as u64))
}

fn total(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

fn dense(file: &mut File, place: &Place) -> Result<Tensor, String> {
    if place.dtype == DType::U8 {
        return Err("its numbers are not F32, F16, BF16 or F64".to_owned());
    }
    let mut bytes = vec![0; place.bytes];
    file.seek(SeekFrom::Start(place.start))
        .and_then(|_| file.read_exact(&mut bytes))
        .map_err(|error| error.to_string())?;
    Tensor::from_raw_buffer(&bytes, place.dtype, &place.shape, &Device::Cpu)
        .and_then(|tensor| tensor.to_dtype(DType::F32))
        .map_err(|error| plain(&error))
}
