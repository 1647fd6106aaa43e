mod an_enum {
    use dictum::modules::Predict;
    use dictum::prelude::*;

    #[derive(Parameters)]
    enum Program {
        Short(Predict),
        Long(Predict),
    }
}

mod option_unknown {
    use dictum::modules::Predict;
    use dictum::prelude::*;

    #[derive(Parameters)]
    struct Rag {
        #[parameters(skipp)]
        limit: usize,
        #[parameters]
        depth: usize,
        answer: Predict,
    }
}

fn main() {}
