mod function {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Apply {
        #[input]
        function: fn(String) -> String,
        #[output]
        answer: String,
    }
}

mod dyn_trait {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Draw {
        #[input]
        text: String,
        #[output]
        shape: Box<dyn std::fmt::Debug>,
    }
}

mod unit {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Ask {
        #[input]
        question: String,
        #[output]
        answer: (),
    }
}

mod map_key {
    use std::collections::HashMap;
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Distances {
        #[input]
        text: String,
        #[output]
        between: HashMap<(String, String), f64>,
    }
}

mod itself {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Split {
        #[input]
        task: String,
        #[output]
        parts: Vec<Self>,
    }
}

fn main() {}
