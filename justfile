# The habits. `just` lists them; without just, the commands stand here.

default:
    @just --list

# What an editor would tell, for the whole workspace
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# All tests; `just test -p ordinate-score` for one crate
test *args="--workspace":
    cargo nextest run {{ args }}
    cargo test --doc {{ args }}

# All benchmarks; docs/benchmarks.md says what each one is for
bench *args:
    cargo bench --workspace --bench '*' {{ args }}

# The API documentation
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# The JSON Schemas in docs/schema, from the types
schema:
    cargo run --quiet -- schema task > docs/schema/task.schema.json
    cargo run --quiet -- schema verdict > docs/schema/verdict.schema.json

# The first command of README.md, held to its figures
smoke:
    cargo run --release -- run examples/lawbench/ordinate.toml --out target/lawbench.ordinate
    .ci/smoke target/lawbench.ordinate

# Everything that CI does
ci:
    .ci/run
