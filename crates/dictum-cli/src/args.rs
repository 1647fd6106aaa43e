//! What can be written behind `dictum`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Program language models instead of prompting them.
#[derive(Debug, Parser)]
#[command(
    name = "dictum",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Write results and errors as JSON, for machines
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Call a program once
    Run(RunArgs),
    /// Measure a program on data
    Eval(EvalArgs),
    /// Search the state a program scores best with: demonstrations, instructions
    Compile(Box<CompileArgs>),
    /// Print the exact messages of a call without making it
    Render(RenderArgs),
    /// Read a model's answer from standard input and print its fields
    Parse(ParseArgs),
    /// Show what --trace recorded: every step with its calls, times, tokens, cost and messages
    Inspect(InspectArgs),
    /// List, show, compare and export the runs of `dictum compile --run-dir`
    Runs(RunsArgs),
    /// Show, compare, import and export program files
    State(StateArgs),
    /// List, fetch and find the models that run in process
    Models(ModelsArgs),
    /// Serve models in process as OpenAI's API does: chat completions and embeddings
    #[cfg(feature = "local")]
    ServeLm(ServeArgs),
    /// Look into or empty the disk cache
    Cache(CacheArgs),
}

/// Which program.
#[derive(Debug, Args)]
pub struct ProgramArgs {
    /// The signature, such as "question, hints: list[str] -> answer: float"
    #[arg(long, short, conflicts_with = "program")]
    pub signature: Option<String>,
    /// What the program must do, in place of the sentence made of the field names
    #[arg(long, conflicts_with = "program")]
    pub instructions: Option<String>,
    /// A program file, as `dictum compile` writes it
    #[arg(long, short)]
    pub program: Option<PathBuf>,
    /// How the signature is carried out
    #[arg(long, value_enum, conflicts_with = "program", default_value_t = ModuleKind::Predict)]
    pub module: ModuleKind,
}

/// How a signature is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModuleKind {
    /// One call of the model
    Predict,
    /// The model reasons before it answers
    Cot,
}

/// Which model, and how it is called.
#[derive(Debug, Clone, Args)]
pub struct LmArgs {
    /// The model: `local`, `local/NAME`, or a service and its model: `openai/NAME` (with --base-url any server that speaks
    /// OpenAI's chat completions), `anthropic/NAME`, `gemini/NAME`, `ollama/NAME` and others
    #[arg(long, default_value = "local")]
    pub lm: String,
    /// Address of the server, such as http://localhost:11434/v1. The key is read from the service's variable, such as
    /// OPENAI_API_KEY
    #[arg(long)]
    pub base_url: Option<String>,
    /// Further models, written as --lm, for program files that name them and for `compile --optimizer cheapest-within` to try
    #[arg(long, value_name = "LM", value_delimiter = ',')]
    pub lms: Vec<String>,
    /// How calls are written and answers read: chat, json or xml
    #[arg(long, default_value = "chat")]
    pub adapter: String,
    /// Randomness of answers, from 0
    #[arg(long, value_parser = temperature, allow_negative_numbers = true)]
    pub temperature: Option<f64>,
    /// Most tokens of an answer
    #[arg(long)]
    pub max_tokens: Option<u32>,
    /// Keep answers in this file and take them from there (SQLite; several processes may share it)
    #[arg(long, value_name = "FILE")]
    pub cache: Option<PathBuf>,
    /// Folder of the models that run in process, in place of DICTUM_MODELS or the user's cache folder
    #[arg(long, value_name = "DIR")]
    pub models_dir: Option<PathBuf>,
}

impl LmArgs {
    /// The same for another model. An address of a server is the first model's alone, unless both are of one service.
    pub fn named(&self, model: &str) -> Self {
        let service = |name: &str| name.split('/').next().unwrap_or_default().to_owned();
        let same = service(model) == service(&self.lm);
        Self {
            lm: model.to_owned(),
            base_url: self.base_url.clone().filter(|_| same),
            temperature: None,
            max_tokens: None,
            ..self.clone()
        }
    }
}

fn temperature(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number @ 0.0..=10.0) => Ok(number),
        _ => Err("write a number from 0, such as 0.7".into()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| "write a whole number from 1".into())
}

/// `dictum run`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dictum run --signature 'question -> answer' --set question='What is 6 times 7?'
  dictum run --program triage.json --set message=@mail.txt --lm openai/gpt-5-mini --json")]
pub struct RunArgs {
    #[command(flatten)]
    pub program: ProgramArgs,
    #[command(flatten)]
    pub lm: LmArgs,
    /// An input, as often as there are inputs. Values are read by the field's type; `@FILE` reads a file
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub trace: TraceArgs,
}

/// Whether what happens is recorded.
#[derive(Debug, Args)]
pub struct TraceArgs {
    /// Record every step with its messages and answers here, for `dictum inspect`
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
}

/// `dictum inspect`
#[derive(Debug, Args)]
#[command(after_help = "Example:
  dictum run --signature 'question -> answer' --set question='What is 6 times 7?' --trace run.trace.jsonl
  dictum inspect run.trace.jsonl

With --json all contents are whole.")]
pub struct InspectArgs {
    /// The file given to --trace
    pub file: PathBuf,
    /// Show long messages and answers whole
    #[arg(long)]
    pub full: bool,
    /// Show no messages and answers
    #[arg(long, conflicts_with = "full")]
    pub brief: bool,
    /// Show only steps that failed
    #[arg(long)]
    pub failed: bool,
}

/// `dictum render`
#[derive(Debug, Args)]
#[command(after_help = "Example:
  dictum render --signature 'question -> answer: float' --set question='6 times 7?' --adapter json")]
pub struct RenderArgs {
    #[command(flatten)]
    pub program: ProgramArgs,
    /// How calls are written: chat, json or xml
    #[arg(long, default_value = "chat")]
    pub adapter: String,
    /// An input, as often as there are inputs. Values are read by the field's type; `@FILE` reads a file
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    pub set: Vec<String>,
}

/// `dictum parse`
#[derive(Debug, Args)]
#[command(after_help = "Example:
  echo '{\"answer\": \"42\",}' | dictum parse --signature 'question -> answer: int' --adapter json")]
pub struct ParseArgs {
    /// The signature whose outputs the answer holds
    #[arg(long, short)]
    pub signature: String,
    /// The layout of the answer: chat, json or xml
    #[arg(long, default_value = "chat")]
    pub adapter: String,
}

/// The metrics there are, then an example.
fn with_metrics(example: &str) -> String {
    let row = |info: dictum_core::metrics::MetricInfo| format!("\n  {:<26} {}", info.usage, info.about);
    let rows: String = dictum_core::metrics::list().map(row).collect();
    format!("Metrics:{rows}\n\nExample:\n{example}")
}

/// `dictum eval`
#[derive(Debug, Args)]
#[command(after_help = with_metrics("  dictum eval --signature \"text -> label: Literal['spam','ham']\" --data dev.csv --metric exact:label --out rows.jsonl"))]
pub struct EvalArgs {
    #[command(flatten)]
    pub program: ProgramArgs,
    #[command(flatten)]
    pub lm: LmArgs,
    /// The data: .csv, .jsonl or .json; columns named as the signature's inputs, all others are labels
    #[arg(long)]
    pub data: PathBuf,
    /// The metric, such as exact:label
    #[arg(long)]
    pub metric: String,
    /// Most examples at once
    #[arg(long, default_value_t = 8, value_parser = at_least_one)]
    pub concurrency: usize,
    /// Most calls of the model
    #[arg(long)]
    pub budget_calls: Option<u64>,
    /// Write every row here: .jsonl or .csv
    #[arg(long)]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub trace: TraceArgs,
}

/// `dictum compile`
#[derive(Debug, Args)]
#[command(after_help = with_metrics("  dictum compile --signature \"text -> label: Literal['spam','ham']\" --train train.csv --val dev.csv --metric exact:label \\
    --optimizer auto --budget-calls 2000 --seed 7 --run-dir runs/spam --out spam.json"))]
pub struct CompileArgs {
    #[command(flatten)]
    pub program: ProgramArgs,
    #[command(flatten)]
    pub lm: LmArgs,
    /// Examples to learn from: .csv, .jsonl or .json
    #[arg(long)]
    pub train: PathBuf,
    /// Examples to choose by; without it random search sets a part of --train aside, and the others choose unmeasured
    #[arg(long)]
    pub val: Option<PathBuf>,
    /// Examples to confirm the winner on, seen by nothing before
    #[arg(long)]
    pub test: Option<PathBuf>,
    /// The metric, such as exact:label
    #[arg(long)]
    pub metric: String,
    /// How to search; begin with auto, which picks by data, budget and headroom and says why. Several, with commas between them,
    /// work one after another, each on what the one before it made, and the best of all is kept
    #[arg(
        long,
        value_enum,
        value_name = "OPTIMIZER",
        value_delimiter = ',',
        default_value = "random-search"
    )]
    pub optimizer: Vec<OptimizerKind>,
    /// Most calls of the model, in all
    #[arg(long)]
    pub budget_calls: Option<u64>,
    /// Seed of everything random
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Candidates: beyond the baselines of random search, in a step of simba or copro, of mipro-v2 and infer-rules in all
    #[arg(long)]
    pub candidates: Option<usize>,
    /// Rollouts that gepa plans for; without it what its light plan has for this data
    #[arg(long)]
    pub rollouts: Option<usize>,
    /// The model that proposes instructions, as --lm; without it the one that does the task
    #[arg(long, value_name = "LM")]
    pub proposer: Option<String>,
    /// The model whose answers demonstrations and trainings are made from, as --lm; without it the one that does the task
    #[arg(long, value_name = "LM")]
    pub teacher: Option<String>,
    /// A training goes on from the models the program is bound to, such as those of an earlier finetune in the list; without it
    /// each begins with --lm
    #[arg(long)]
    pub train_further: bool,
    /// With finetune alone: write train.jsonl into --run-dir, and train nothing
    #[arg(long, requires = "run_dir")]
    pub write_only: bool,
    /// Most demonstrations made by the program itself
    #[arg(long)]
    pub max_bootstrapped: Option<usize>,
    /// Most demonstrations taken from the labelled data
    #[arg(long)]
    pub max_labeled: Option<usize>,
    /// How many demonstrations each call is shown, those nearest to its input; 4 by default (knn)
    #[arg(long, value_parser = at_least_one)]
    pub neighbours: Option<usize>,
    /// What tells how near inputs are: `local` (by default), `local/NAME`, or a service and its embedder, such as
    /// openai/text-embedding-3-small (knn)
    #[arg(long, value_name = "EMBEDDER")]
    pub embedder: Option<String>,
    #[command(flatten)]
    pub space: SpaceArgs,
    /// Most examples at once
    #[arg(long, default_value_t = 8, value_parser = at_least_one)]
    pub concurrency: usize,
    /// Folder that keeps the run: the same command resumes there after a crash
    #[arg(long)]
    pub run_dir: Option<PathBuf>,
    /// Go on with the run in --run-dir, and fail when there is none
    #[arg(long, requires = "run_dir")]
    pub resume: bool,
    /// Print what the run would take in calls, tokens and money, and call nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write the compiled program here
    #[arg(long, required_unless_present_any = ["dry_run", "write_only"])]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub trace: TraceArgs,
}

/// What `--optimizer cheapest-within` tries, beside the models of --lms.
#[derive(Debug, Clone, Default, Args)]
pub struct SpaceArgs {
    /// How many points the cheapest settings may lose to the best; 2 by default (cheapest-within)
    #[arg(long)]
    pub points: Option<f64>,
    /// Adapters to try (cheapest-within)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub try_adapters: Vec<String>,
    /// Temperatures to try (cheapest-within)
    #[arg(long, value_name = "NUMBER", value_delimiter = ',', value_parser = temperature)]
    pub try_temperatures: Vec<f64>,
    /// Numbers of demonstrations to try, of those the program has (cheapest-within)
    #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
    pub try_demos: Vec<usize>,
    /// Try with and without reasoning (cheapest-within)
    #[arg(long)]
    pub try_reasoning: bool,
}

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OptimizerKind {
    /// What fits the data, the budget and the room for a gain, with the reasons; --dry-run prints the plan
    Auto,
    /// Labelled examples as demonstrations; only measuring them calls the model
    Labeled,
    /// Demonstrations that the program itself made and the metric accepted
    Bootstrap,
    /// Many bootstraps, the best by validation score
    RandomSearch,
    /// Instructions and demonstrations together, by a model of what scored well
    MiproV2,
    /// Instructions proposed from those tried before and their scores
    Copro,
    /// Instructions that learn from what went wrong, with the metric's words; a front of candidates
    Gepa,
    /// Demonstrations and advice from the examples with mixed results
    Simba,
    /// Rules drawn from the examples, added to the instructions
    InferRules,
    /// In each call the demonstrations nearest to its input; measured on --test, else --val, and kept if better
    Knn,
    /// A tuned model: --lm (openai/NAME, or what speaks as OpenAI does) is trained on answers the metric accepted
    Finetune,
    /// The cheapest settings that score within --points of the best: models of --lms, demonstrations, reasoning and others
    CheapestWithin,
}

/// `dictum runs`
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: RunsCommand,
}

/// What can be done with run folders.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List the runs in a folder and below it
    List {
        /// Where to look
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Print the report of a run
    Show {
        /// The run folder
        folder: PathBuf,
    },
    /// Compare what two runs found, row by row on the data both were measured on
    Compare {
        /// A run folder
        first: PathBuf,
        /// Another
        second: PathBuf,
    },
    /// Write what a run found to a file: its program (.json), its report (.html), or the rows it was measured on (.csv, .jsonl)
    Export {
        /// The run folder
        folder: PathBuf,
        /// The file; its ending says what is written
        #[arg(long)]
        out: PathBuf,
    },
}

/// `dictum state`
#[derive(Debug, Args)]
pub struct StateArgs {
    /// What to do
    #[command(subcommand)]
    pub command: StateCommand,
}

/// What can be done with program files.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// Print a program file for people
    Show {
        /// The program file
        file: PathBuf,
    },
    /// Print how two program files differ; exit code 1 when they do
    Diff {
        /// The first program file
        a: PathBuf,
        /// The second program file
        b: PathBuf,
    },
    /// Turn a file that DSPy's program.save() wrote into a program file
    Import {
        /// DSPy's file
        file: PathBuf,
        /// The program file to write
        #[arg(long)]
        out: PathBuf,
        /// The program's signature, where the program is a single predictor: gives fields their names and types
        #[arg(long)]
        signature: Option<String>,
    },
    /// Turn a program file into one that DSPy's program.load() reads
    Export {
        /// The program file
        file: PathBuf,
        /// DSPy's file to write
        #[arg(long)]
        out: PathBuf,
    },
}

/// `dictum models`
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// Folder of the models, in place of DICTUM_MODELS or the user's cache folder
    #[arg(long, value_name = "DIR", global = true)]
    pub models_dir: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub command: ModelsCommand,
}

/// What can be done with models.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// The models that are known, with size and whether they are here
    List,
    /// Fetch a model; says how large it is first
    Fetch {
        /// Its name; without one the default model
        name: Option<String>,
    },
    /// Print where a model's file is, or would be
    Path {
        /// Its name; without one the default model
        name: Option<String>,
    },
}

/// `dictum serve-lm`
#[cfg(feature = "local")]
#[derive(Debug, Args)]
#[command(after_help = "Example:
  dictum serve-lm --model qwen2.5-coder-0.5b --model all-minilm-l6-v2 --port 8080
  dictum run --signature 'question -> answer' --set question='What is 6 times 7?' \\
    --lm openai/qwen2.5-coder-0.5b --base-url http://127.0.0.1:8080/v1

There are POST /v1/chat/completions, POST /v1/embeddings and GET /v1/models. Without a temperature answers are greedy, and without
a limit they have at most 512 tokens. Parameters that can't be honoured, such as tools, are refused. There is no key: who can reach
the address can use the models.")]
pub struct ServeArgs {
    /// A model by its name in `dictum models list`, or a .gguf file of yours; as often as there are models. Without any: the
    /// default model, and the embedding model if it has been fetched
    #[arg(long, short, value_name = "NAME")]
    pub model: Vec<String>,
    /// Address to listen at
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// Port to listen at; 0 takes a free one. The address is printed when all models are loaded
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Threads that compute, for each model; all cores by default
    #[arg(long, value_parser = at_least_one)]
    pub threads: Option<usize>,
    /// Tokens of a prompt and its answer together; 4096 by default
    #[arg(long, value_name = "TOKENS")]
    pub context: Option<u32>,
    /// Most megabytes of a request
    #[arg(long, value_name = "MB", default_value_t = 8, value_parser = at_least_one)]
    pub max_body_mb: usize,
    /// Folder of the models, in place of DICTUM_MODELS or the user's cache folder
    #[arg(long, value_name = "DIR")]
    pub models_dir: Option<PathBuf>,
}

/// `dictum cache`
#[derive(Debug, Args)]
pub struct CacheArgs {
    /// What to do
    #[command(subcommand)]
    pub command: CacheCommand,
}

/// What can be done with a disk cache.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// How many answers it holds, and how large it is
    Stats {
        /// The file given to --cache
        file: PathBuf,
    },
    /// Drop all answers
    Clear {
        /// The file given to --cache
        file: PathBuf,
    },
}
