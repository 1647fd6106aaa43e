use dictum::modules::Predict;
use dictum::prelude::*;

#[derive(Parameters)]
enum Program {
    Short(Predict),
    Long(Predict),
}

fn main() {}
