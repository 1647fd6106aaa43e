//! The model's tokenizer as llguidance and the engine need it.

use std::sync::Arc;

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;
use llguidance::toktrie::{TokEnv, TokRxInfo, TokTrie, TokenId, TokenizerEnv};

/// Marks, in the trie, the text of a special token, so that no grammar over text can match it.
const SPECIAL_MARKER: u8 = TokTrie::SPECIAL_TOKEN_MARKER;

/// Tokenizes exactly as the model does. llguidance may then force tokens, not only bytes: a forced text is split
/// the way the model was trained to see it, and a label that shares its first letters with another is not torn apart.
struct ModelTokenizer {
    model: Arc<LlamaModel>,
    trie: TokTrie,
}

impl TokenizerEnv for ModelTokenizer {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, text: &[u8]) -> Vec<TokenId> {
        to_ids(&self.model.vocab().tokenize(text, false, false))
    }
}

/// Builds the tokenizer environment: reads the whole vocabulary once (about 0.1 s for 150,000 tokens).
pub(crate) fn token_env(model: &Arc<LlamaModel>) -> TokEnv {
    let vocab = model.vocab();
    let end = if vocab.eot().0 >= 0 {
        vocab.eot()
    } else {
        vocab.eos()
    };
    let mut end_tokens = vec![end.0.cast_unsigned()];
    let count = vocab.n_tokens();
    let mut words = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
    for id in 0..count {
        let token = LlamaToken(id);
        if token != end && vocab.is_eog(token) {
            end_tokens.push(id.cast_unsigned());
        }
        let plain = vocab.token_to_piece(token, false, None);
        if plain.is_empty() {
            let mut marked = vocab.token_to_piece(token, true, None);
            if !marked.is_empty() {
                marked.insert(0, SPECIAL_MARKER);
            }
            words.push(marked);
        } else {
            words.push(plain);
        }
    }
    let info = TokRxInfo::new(count.cast_unsigned(), end.0.cast_unsigned());
    let trie = TokTrie::from(&info, &words).with_eos_tokens(&end_tokens);
    Arc::new(ModelTokenizer {
        model: Arc::clone(model),
        trie,
    })
}

/// llama.cpp's signed ids as llguidance's unsigned ones.
pub(crate) fn to_ids(tokens: &[LlamaToken]) -> Vec<TokenId> {
    tokens.iter().map(|token| token.0.cast_unsigned()).collect()
}
