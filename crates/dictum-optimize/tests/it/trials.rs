//! What is asked of every optimizer of the task of two steps: that it gains, claims nothing of noise, and repeats itself.

/// Compiles the task of two steps. Gives what came of it and its score on data of its own.
macro_rules! trial {
    ($optimizer:expr, $world:expr, train: $train:expr, val: $val:expr) => {{
        use $crate::facts::{TwoSteps, examples, judged};
        let seed = $world.seed;
        let ctx = $crate::simulated::Simulated::new().facts($world).context();
        let (train, val) = (
            examples(&format!("train {seed}"), $train),
            examples(&format!("val {seed}"), $val),
        );
        let mut program = TwoSteps::new();
        let compiled = $optimizer
            .seed(seed)
            .compile(&ctx, &program, &train, &val, judged($world))
            .await
            .unwrap();
        compiled.apply(&mut program).unwrap();
        let data = examples(&format!("unseen {seed}"), 150);
        let report = dictum_core::evaluate::Evaluate::new(&data, judged($world))
            .run(&ctx, &program)
            .await
            .unwrap();
        (compiled, report.mean().unwrap())
    }};
}

/// The mean score on unseen data over these seeds of what an optimizer found, kept whatever its significance.
macro_rules! mean_gain {
    ($optimizer:expr, demos: $demos:expr, seeds: $seeds:expr) => {{
        let (mut sum, mut calls) = (0.0, 0);
        for seed in 0..$seeds {
            let world = $crate::facts::World { seed, demos: $demos };
            let (compiled, score) =
                $crate::trials::trial!($optimizer.keep_best_anyway(), world, train: 60, val: 50);
            sum += score;
            calls += compiled.report.spent.calls;
        }
        (sum / $seeds as f64, calls / $seeds)
    }};
}

/// How many of these seeds claim a gain where nothing can be gained. The program stays as it is in the others.
macro_rules! false_claims {
    ($optimizer:expr, seeds: $seeds:expr) => {{
        use $crate::simulated::{Simulated, exact, examples, program};
        let mut claims = 0;
        for seed in 0..$seeds {
            let ctx = Simulated::new().noise_only().context();
            let (train, val) = (
                examples(&format!("train {seed}"), 30),
                examples(&format!("val {seed}"), 40),
            );
            let compiled = $optimizer
                .seed(seed)
                .compile(&ctx, &program(), &train, &val, exact())
                .await
                .unwrap();
            if compiled.outcome == dictum_optimize::Outcome::Improved {
                claims += 1;
            } else {
                let state = compiled.overlay.get("self").unwrap();
                assert_eq!(*state, dictum_core::program::PredictorState::default());
            }
        }
        claims
    }};
}

/// What a run writes, with its calls: the same for the same seed, whatever the concurrency and the budget.
macro_rules! written {
    ($optimizer:expr, $name:expr) => {{
        use $crate::facts::{TwoSteps, World, examples, judged};
        let world = World { seed: 4, demos: true };
        let dir = $crate::simulated::folder($name);
        let lm = $crate::simulated::Simulated::new().facts(world).jitter();
        let (train, val) = (examples("train", 40), examples("val", 30));
        $optimizer
            .run_dir(&dir)
            .keep_best_anyway()
            .compile(&lm.context(), &TwoSteps::new(), &train, &val, judged(world))
            .await
            .unwrap();
        (std::fs::read(dir.join("program.json")).unwrap(), lm.calls())
    }};
}

pub(crate) use {false_claims, mean_gain, trial, written};
