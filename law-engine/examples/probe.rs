use law_engine::{curve::*, fit::*, law::*, objective::*, random::Stream};
fn main(){
  let which=std::env::args().nth(1).unwrap();
  let xs:Vec<f64>=[6.0f64,12.,24.,48.,96.].iter().map(|h| (h/24.0f64).ln()).collect();
  let gen_=|k:u64,seeds:u64|->Vec<Point>{ let mut v=vec![]; for (c,x) in xs.iter().enumerate(){ for s in 0..seeds{ let mut st=Stream::keyed(k,[c as u64,s,3]); v.push(Point{cell:Cell{class:c,seed:s},x:*x,ln_loss:(0.5+0.5*(-0.3*x).exp()).ln()+0.005*st.normal()}); }} v};
  let n=100000;
  let mut acc=0.0;
    for k in 0..n { let d=gen_(k,2); acc+=match which.as_str(){ "power"=>refit(Power,&d,Huber::STANDARD).objective,"floor"=>refit(PowerFloor,&d,Huber::STANDARD).objective, "floorls"=>refit(PowerFloor,&d,Huber::LEAST_SQUARES).objective, _=>d[0].x}; }
  println!("{acc}");
}
