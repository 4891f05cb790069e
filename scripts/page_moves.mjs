// How long the judge in a page takes for a move of the needs, without the page: node scripts/page_moves.mjs REPORT.html [MOVES] [SEED].
// One line a setting goes to standard error with --all. The settings are like those of crates/ordinate/tests/moved_needs.rs: each need is
// set or not, by chance.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const all = process.argv.includes("--all");
const [file, moves = "60", seed = "3"] = process.argv.slice(2).filter((argument) => argument !== "--all");
const page = readFileSync(file, "utf8");
const packed = (id) => {
  const found = page.match(new RegExp(`<template id="?${id}"?[^>]*>([^<]*)</template>`));
  if (!found) throw new Error(`${file} has no ${id}: it is no page on which needs are moved`);
  return gunzipSync(Buffer.from(found[1], "base64"));
};
const exports = (await WebAssembly.instantiate(packed("page-module"))).instance.exports;
const told = (name, bytes) => {
  const at = exports.room(bytes.length);
  new Uint8Array(exports.memory.buffer, at, bytes.length).set(bytes);
  const length = exports[name]();
  return Buffer.from(new Uint8Array(exports.memory.buffer, exports.answer(), length)).toString();
};
const timed = (name, bytes) => {
  const began = performance.now();
  const answer = told(name, bytes);
  return [performance.now() - began, answer];
};

let state = BigInt(seed);
const random = () => {
  state = (state + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
  let z = state;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn;
  return Number((z ^ (z >> 31n)) >> 11n) / 2 ** 53;
};
const one = (...values) => values[Math.floor(random() * values.length)];
const setting = () => {
  const lines = [`goal=${one("quality", "cost", "latency")}`, `stay_local=${random() < 1 / 8}`];
  const some = (share, line) => random() < share && lines.push(line);
  some(1 / 2, `margin=${one("0", "0.005", "0.02", "0.1")}`);
  some(1 / 3, `min_quality=${(random() * 0.7).toFixed(3)}`);
  some(1 / 2, `max_cost_per_1k=${(20 * random() ** 3).toFixed(4)}`);
  some(1 / 6, `max_p95_ms=${(1000 * random()).toFixed(1)}`);
  some(1 / 6, `max_memory_gb=${(40 * random()).toFixed(1)}`);
  some(1 / 4, `volume_per_day=${Math.floor(100 + random() * 1e6)}`);
  return lines.join("\n");
};

const [opening, fault] = timed("open", packed("page-trials"));
if (fault) throw new Error(fault);
const [first] = timed("decide", Buffer.from("goal=quality"));
const times = [];
for (let move = 0; move < Number(moves); move++) {
  const needs = setting();
  const [ms] = timed("decide", Buffer.from(needs));
  times.push(ms);
  if (all) console.error(`${ms.toFixed(0)} ms  ${needs.replaceAll("\n", " ")}`);
}
times.sort((a, b) => a - b);
const at = (share) => times[Math.floor((times.length - 1) * share)].toFixed(0);
console.log(
  `opened in ${opening.toFixed(0)} ms, first verdict in ${first.toFixed(0)} ms; ${times.length} moves decided in ${at(0.5)} ms (median), ` +
    `${at(0.95)} (95 %), ${at(1)} at most`,
);
