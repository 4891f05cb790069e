//! A decoder to measure speed with: the shape of Qwen2.5-0.5B (64,000 tokens), random weights, Q8_0, no vocabulary:
//! `random_gguf random.gguf`, built by `cargo build --release --workspace --example random_gguf`. `decode_speed` reads it,
//! and so does llama.cpp.

use std::fs::File;

use candle_core::quantized::gguf_file::{Value, write};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};

const HIDDEN: usize = 896;
const WIDE: usize = 4_864;
const KEYS: usize = 128;
const LAYERS: usize = 24;
const TOKENS: usize = 64_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("name the file to be written")?;
    let mut random = fastrand::Rng::with_seed(7);
    let mut tensors = Vec::new();
    let mut add = |name: String, shape: &[usize]| -> candle_core::Result<()> {
        let cells: usize = shape.iter().product();
        let values: Vec<f32> = if shape.len() == 1 {
            vec![if name.ends_with("bias") { 0.0 } else { 1.0 }; cells]
        } else {
            (0..cells).map(|_| 0.04 * (random.f32() - 0.5)).collect()
        };
        let dtype = if shape.len() == 1 { GgmlDType::F32 } else { GgmlDType::Q8_0 };
        tensors.push((name, QTensor::quantize(&Tensor::from_vec(values, shape, &Device::Cpu)?, dtype)?));
        Ok(())
    };
    add("token_embd.weight".to_owned(), &[TOKENS, HIDDEN])?;
    add("output_norm.weight".to_owned(), &[HIDDEN])?;
    for layer in 0..LAYERS {
        for (name, shape) in [
            ("attn_norm.weight", vec![HIDDEN]),
            ("attn_q.weight", vec![HIDDEN, HIDDEN]),
            ("attn_q.bias", vec![HIDDEN]),
            ("attn_k.weight", vec![KEYS, HIDDEN]),
            ("attn_k.bias", vec![KEYS]),
            ("attn_v.weight", vec![KEYS, HIDDEN]),
            ("attn_v.bias", vec![KEYS]),
            ("attn_output.weight", vec![HIDDEN, HIDDEN]),
            ("ffn_norm.weight", vec![HIDDEN]),
            ("ffn_gate.weight", vec![WIDE, HIDDEN]),
            ("ffn_up.weight", vec![WIDE, HIDDEN]),
            ("ffn_down.weight", vec![HIDDEN, WIDE]),
        ] {
            add(format!("blk.{layer}.{name}"), &shape)?;
        }
    }
    let number = |number: usize| u32::try_from(number).map(Value::U32);
    let told = [
        ("general.architecture", Value::String("qwen2".to_owned())),
        ("tokenizer.ggml.model", Value::String("none".to_owned())),
        ("qwen2.vocab_size", number(TOKENS)?),
        ("qwen2.context_length", Value::U32(4_096)),
        ("qwen2.embedding_length", number(HIDDEN)?),
        ("qwen2.block_count", number(LAYERS)?),
        ("qwen2.feed_forward_length", number(WIDE)?),
        ("qwen2.attention.head_count", Value::U32(14)),
        ("qwen2.attention.head_count_kv", Value::U32(2)),
        ("qwen2.attention.layer_norm_rms_epsilon", Value::F32(1e-6)),
        ("qwen2.rope.freq_base", Value::F32(1e6)),
    ];
    let told: Vec<(&str, &Value)> = told.iter().map(|(key, value)| (*key, value)).collect();
    let tensors: Vec<(&str, &QTensor)> =
        tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    write(&mut File::create(path)?, &told, &tensors)?;
    Ok(())
}
