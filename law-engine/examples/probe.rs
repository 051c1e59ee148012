use law_engine::{curve::*, fit::*, law::*, objective::*, random::Stream};
use std::time::Instant;
fn main(){
  let xs:Vec<f64>=[6.0f64,12.,24.,48.,96.].iter().map(|h| (h/24.0f64).ln()).collect();
  let gen_=|k:u64,seeds:u64|->Vec<Point>{ let mut v=vec![]; for (c,x) in xs.iter().enumerate(){ for s in 0..seeds{ let mut st=Stream::keyed(k,[c as u64,s,3]); v.push(Point{cell:Cell{class:c,seed:s},x:*x,ln_loss:(0.5+0.5*(-0.3*x).exp()).ln()+0.005*st.normal()}); }} v};
  let n=5000;
  for seeds in [1,2,3]{
    let data:Vec<_>=(0..n).map(|k|gen_(k,seeds)).collect();
    for h in [Huber::STANDARD,Huber::LEAST_SQUARES]{
    let t=Instant::now(); let mut bad=0; for d in &data{ let f=fit(Power,d,h); if f.convergence!=sweep_core::fit::Convergence::Converged{bad+=1;} } println!("power {seeds} {:?} us bad {bad}",t.elapsed().as_secs_f64()*1e6/n as f64);
    let t=Instant::now(); let mut bad=0; for d in &data{ let f=fit(PowerFloor,d,h); if f.convergence!=sweep_core::fit::Convergence::Converged{bad+=1;} } println!("floor {seeds} {:?} us bad {bad}",t.elapsed().as_secs_f64()*1e6/n as f64);
    }
  }
}
