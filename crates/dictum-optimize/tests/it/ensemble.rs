//! The best candidates of a run as one program.

use dictum_core::evaluate::Evaluate;
use dictum_core::modules::Ensemble;
use dictum_optimize::BootstrapRandomSearch;

use crate::simulated::{Simulated, exact, examples, program};

/// Wrong answers of the simulated model are all the same, so members must be mostly right for a vote to help: it is as good
/// as its members on the average at least, and each was measured.
#[tokio::test]
async fn the_best_candidates_vote() {
    let (mut voted, mut alone, mut bare) = (0.0, 0.0, 0.0);
    for seed in 0..6 {
        let ctx = Simulated::new().context();
        let (train, val) = (
            examples(&format!("train {seed}"), 40),
            examples(&format!("val {seed}"), 50),
        );
        let compiled = BootstrapRandomSearch::new()
            .candidates(8)
            .max_labeled(4)
            .seed(seed)
            .compile(&ctx, &program(), &train, &val, exact())
            .await
            .unwrap();
        let ranked = compiled.ranked();
        assert!(ranked.windows(2).all(|pair| pair[0].mean >= pair[1].mean));
        assert_eq!(ranked[0].label, compiled.report.best);
        let members = compiled.best_programs(5, program).unwrap();
        assert_eq!(members.len(), 5);
        let data = examples(&format!("unseen {seed}"), 150);
        let evaluate = Evaluate::new(&data, exact());
        for member in &members {
            alone += evaluate.run(&ctx, member).await.unwrap().mean().unwrap() / 5.0;
        }
        let ensemble = Ensemble::voting(members, "answer").unwrap();
        voted += evaluate.run(&ctx, &ensemble).await.unwrap().mean().unwrap();
        bare += evaluate.run(&ctx, &program()).await.unwrap().mean().unwrap();
    }
    eprintln!(
        "voted {:.3}, alone {:.3}, bare {:.3}",
        voted / 6.0,
        alone / 6.0,
        bare / 6.0
    );
    assert!(
        voted > alone + 0.3 && alone > bare + 1.2,
        "{voted} {alone} {bare}"
    );
}
