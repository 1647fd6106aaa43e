mod unmarked {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Ask {
        #[input]
        question: String,
        context: Vec<String>,
        #[output]
        answer: String,
        score: f64,
    }
}

mod both {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Revise {
        #[input]
        #[output]
        draft: String,
    }
}

mod marked_twice {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Rate {
        #[output(min = 1)]
        #[output(max = 5)]
        stars: u8,
    }
}

mod marker_with_value {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Ask {
        #[output = "the answer"]
        answer: String,
    }
}

fn main() {}
