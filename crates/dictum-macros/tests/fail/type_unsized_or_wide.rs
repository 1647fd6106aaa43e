mod borrowed {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Ask {
        #[input]
        question: &'static str,
        #[input]
        passages: &'static [String],
        #[output]
        answer: Box<str>,
    }
}

mod wide {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Count {
        #[input]
        text: String,
        #[output]
        atoms: u128,
        #[output]
        change: Option<i128>,
    }
}

fn main() {}
