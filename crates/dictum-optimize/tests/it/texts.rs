//! Texts of a program are optimized like instructions: a tool whose description decides whether it is called.

use dictum_core::evaluate::Evaluate;
use dictum_core::program::texts;
use dictum_optimize::{Compiled, Copro, Custom, Gepa, MiproV2, Outcome, Recipe};

use crate::facts::{self, Tooled, World};
use crate::simulated::{Simulated, folder};

const SEEDS: u64 = 6;

type Make = fn() -> Box<dyn Recipe>;

fn world(seed: u64) -> World {
    World { seed, demos: false }
}

async fn compile(recipe: Box<dyn Recipe>, seed: u64, lm: &Simulated) -> Compiled {
    let data = |name: &str, rows| facts::examples(&format!("{name} {seed}"), rows);
    Custom::new(recipe)
        .seed(seed)
        .confirm_on(&data("test", 60))
        .compile(
            &lm.context(),
            &Tooled::new(),
            &data("train", 30),
            &data("val", 30),
            facts::judged_tool(world(seed)),
        )
        .await
        .unwrap()
}

#[tokio::test]
async fn a_better_description_of_a_tool_is_found() {
    let optimizers: [(&str, f64, Make); 3] = [
        ("gepa", 0.8, || Box::new(Gepa::new().rollouts(400))),
        ("copro", 0.7, || Box::new(Copro::new().breadth(8).depth(2))),
        ("mipro", 0.5, || {
            Box::new(
                MiproV2::new()
                    .candidates(10)
                    .trials(20)
                    .max_bootstrapped(0)
                    .max_labeled(0),
            )
        }),
    ];
    for (name, least, make) in optimizers {
        let (mut score, mut improved) = (0.0, 0);
        for seed in 0..SEEDS {
            let lm = Simulated::new().facts(world(seed));
            let compiled = compile(make(), seed, &lm).await;
            improved += u64::from(compiled.outcome == Outcome::Improved);
            let mut program = Tooled::new();
            compiled.apply(&mut program).unwrap();
            let (path, text) = texts(&program)[0].clone();
            if compiled.outcome == Outcome::Improved {
                assert_eq!(path, "tools[0]");
                assert!(
                    text.text().contains(world(seed).rule("tool")),
                    "{name}: {}",
                    text.text()
                );
                let shown = compiled
                    .report
                    .prompts
                    .iter()
                    .find(|known| known.path == path)
                    .unwrap();
                assert!(shown.before.contains("Looks things up.") && shown.after.contains(text.text()));
            } else {
                assert_eq!(text.learned(), None);
            }
            let unseen = facts::examples(&format!("unseen {seed}"), 200);
            let report = Evaluate::new(&unseen, facts::judged_tool(world(seed)))
                .run(&lm.context(), &program)
                .await
                .unwrap();
            score += report.mean().unwrap() / SEEDS as f64;
        }
        eprintln!("{name}: {score:.3} from 0.300 to at most 0.900, improved in {improved} of {SEEDS}");
        assert!(score > least, "{name}: {score:.3}");
    }
}

#[tokio::test]
async fn only_the_text_may_change_and_runs_resume() {
    let dir = folder("texts-resume");
    let data = |name: &str| facts::examples(name, 30);
    let mut first = None;
    for _ in 0..2 {
        let lm = Simulated::new().facts(world(1)).jitter();
        let compiled = Gepa::new()
            .rollouts(300)
            .only(["tools[0]"])
            .run_dir(&dir)
            .compile(
                &lm.context(),
                &Tooled::new(),
                &data("train"),
                &data("val"),
                facts::judged_tool(world(1)),
            )
            .await
            .unwrap();
        assert_eq!(compiled.overlay.get("choose").unwrap().instructions, None);
        assert!(compiled.overlay.text("tools[0]").unwrap().contains("rule"));
        match first {
            None => first = Some(compiled.overlay),
            Some(ref first) => assert_eq!((first, lm.calls()), (&compiled.overlay, 0)),
        }
    }
}
