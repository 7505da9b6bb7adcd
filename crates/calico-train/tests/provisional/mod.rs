#![allow(unused,unreachable_pub,clippy::all)]
use calico_image::Rle;
use calico_model::model::{Conversation, ImageFeatures};
use calico_model::Calico;
use calico_model::prompt::PromptId;
use calico_train::recipe::LossConfig;
use calico_train::{LossParts, Losses, TrainError};
use candle_core::{Tensor, Device, D, DType};
pub struct GroundedBatch { pub features: ImageFeatures, pub conversations: Vec<GroundedConversation> }
pub struct GroundedConversation { pub prompt: Vec<PromptId>, pub answer: Vec<u32>, pub ends: bool, pub images: Vec<usize>, pub masks: Vec<MaskTarget> }
pub struct MaskTarget { pub image: usize, pub mask: Rle }
pub fn grounding_losses(model: &Calico, batch: &GroundedBatch, c: &LossConfig) -> Result<Losses, TrainError> {
    let encoded = model.relate(&batch.features)?;
    let cs: Vec<_> = batch.conversations.iter().map(|c| Conversation{prompt:&c.prompt, answer:&c.answer, images:&c.images}).collect();
    let states = model.forward_batch(&cs, &encoded)?;
    let logits = model.llm().logits(&states.predicting()?.unsqueeze(0)?)?.squeeze(0)?;
    let targets: Vec<u32> = states.predictions().iter().map(|p| p.target).collect();
    let n = targets.len();
    let t = Tensor::new(targets, &Device::Cpu)?.unsqueeze(1)?;
    let lse = logits.log_sum_exp(1)?;
    let text = ((lse - logits.gather(&t, 1)?.squeeze(1)?)?.sum_all()? / n as f64)?;
    let prompts = model.project(&states.seg_states()?)?;
    let (mut f, mut d) = (Vec::new(), Vec::new());
    let mut row = 0u32;
    for cv in &batch.conversations { for m in &cv.masks {
        let e = encoded.one(m.image)?;
        let p = prompts.narrow(0, row as usize, 1)?; row += 1;
        let pr = model.decode_masks(&p, &e)?;
        let x = model.full_size(&pr.logits, &e.letterbox)?.flatten_all()?;
        let bits: Vec<f32> = m.mask.to_mask().unwrap().bits().iter().map(|&b| b as u8 as f32).collect();
        let y = Tensor::new(bits, &Device::Cpu)?;
        let s = (x.neg()?.exp()? + 1.0)?.recip()?;
        let ce = ((x.relu()? - (&x * &y)?)? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
        let pt = ((&s * &y)? + ((1.0 - &s)? * (1.0 - &y)?)?)?;
        let at = ((&y * 0.25)? + ((1.0 - &y)? * 0.75)?)?;
        f.push((at * (1.0 - pt)?.sqr()? * ce)?.mean_all()?);
        let inter = ((&s * &y)?.sum_all()? / 1000.0)?;
        let sums = ((s.sum_all()? / 1000.0)? + (y.sum_all()? / 1000.0)?)?;
        d.push((1.0 - ((inter * 2.0)? + 1e-6)?.div(&(sums + 1e-6)?)?)?);
    }}
    let m = f.len() as f64 + 1e-8;
    let focal = (Tensor::stack(&f,0)?.sum_all()? / m)?; let dice = (Tensor::stack(&d,0)?.sum_all()? / m)?;
    let total = ((&text + (&focal * 2.0)?)? + (&dice * 0.5)?)?;
    let g = |x: &Tensor| x.to_scalar::<f32>().map(f64::from);
    let parts = LossParts { total: g(&total)?, text: Some(g(&text)?), mask: Some(g(&focal)?), dice: Some(g(&dice)?), masks: f.len() as u64, samples: 2, ..LossParts::default() };
    Ok(Losses { total, parts })
}
