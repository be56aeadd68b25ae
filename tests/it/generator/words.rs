//! Vietnamese words as papers of an office use them. All names and numbers are invented.

use super::random::Random;

const OFFICES: [&str; 5] = [
    "ỦY BAN NHÂN DÂN XÃ HÒA TRUNG",
    "SỞ TƯ PHÁP TỈNH ĐÔNG HẢI",
    "PHÒNG GIÁO DỤC VÀ ĐÀO TẠO",
    "TRUNG TÂM PHỤC VỤ HÀNH CHÍNH CÔNG",
    "VĂN PHÒNG ĐĂNG KÝ ĐẤT ĐAI",
];
const TITLES: [&str; 6] =
    ["QUYẾT ĐỊNH", "GIẤY XÁC NHẬN", "TỜ KHAI ĐĂNG KÝ", "THÔNG BÁO", "BIÊN BẢN BÀN GIAO", "DANH SÁCH HỘ GIA ĐÌNH"];
const SUBJECTS: [&str; 5] = [
    "Về việc cấp lại giấy chứng nhận",
    "Về việc tiếp nhận hồ sơ của công dân",
    "Kèm theo Tờ trình của Phòng chuyên môn",
    "Về việc điều chỉnh thông tin hộ tịch",
    "Áp dụng từ ngày ký ban hành",
];
const FIELDS: [&str; 12] = [
    "Họ và tên:",
    "Ngày sinh:",
    "Nơi cư trú:",
    "Số định danh cá nhân:",
    "Dân tộc:",
    "Quốc tịch:",
    "Điện thoại:",
    "Nghề nghiệp:",
    "Địa chỉ thửa đất:",
    "Mục đích sử dụng:",
    "Lý do đề nghị:",
    "Giấy tờ kèm theo:",
];
const NAMES: [&str; 8] = [
    "Nguyễn Thị Hải Yến",
    "Trần Quốc Bảo",
    "Lê Hoàng Phúc",
    "Phạm Thu Hường",
    "Đỗ Văn Khải",
    "Vũ Ngọc Ánh",
    "Bùi Đức Thịnh",
    "Hoàng Mỹ Lệ",
];
const GOODS: [&str; 8] =
    ["Lệ phí", "Bản sao", "Chứng thực", "Giấy A4", "Phí bưu chính", "Trích lục", "Hộp bút", "Nước khoáng"];
const WORDS: [&str; 64] = [
    "căn", "cứ", "theo", "quy", "định", "của", "pháp", "luật", "về", "tổ", "chức", "chính", "quyền", "địa", "phương",
    "người", "được", "cấp", "giấy", "có", "trách", "nhiệm", "thực", "hiện", "đúng", "nội", "dung", "hồ", "sơ", "và",
    "nghĩa", "vụ", "tài", "sản", "trong", "thời", "hạn", "mười", "ngày", "kể", "từ", "nhận", "đủ", "giấy", "tờ", "hợp",
    "lệ", "cơ", "quan", "tiếp", "xem", "xét", "trả", "kết", "quả", "cho", "công", "dân", "tại", "bộ", "phận", "một",
    "cửa", "huyện",
];

pub(crate) fn office(random: &mut Random) -> &'static str {
    random.pick(&OFFICES)
}

pub(crate) fn title(random: &mut Random) -> &'static str {
    random.pick(&TITLES)
}

pub(crate) fn subject(random: &mut Random) -> &'static str {
    random.pick(&SUBJECTS)
}

pub(crate) fn field(random: &mut Random) -> &'static str {
    random.pick(&FIELDS)
}

pub(crate) fn name(random: &mut Random) -> &'static str {
    random.pick(&NAMES)
}

pub(crate) fn goods(random: &mut Random) -> &'static str {
    random.pick(&GOODS)
}

pub(crate) fn word(random: &mut Random) -> &'static str {
    random.pick(&WORDS)
}

/// A sentence with a capital first letter and a full stop.
pub(crate) fn sentence(random: &mut Random, words: usize) -> String {
    let mut text = String::new();
    for place in 0..words {
        let next = word(random);
        match (place, next.chars().next()) {
            (0, Some(first)) => text.extend(first.to_uppercase().chain(next.chars().skip(1))),
            _ => text += next,
        }
        text += match random.below(12) {
            0 if place + 1 < words => ", ",
            _ => " ",
        };
    }
    text.trim_end().to_owned() + "."
}

/// Digits in groups of three.
pub(crate) fn number(random: &mut Random, digits: usize) -> String {
    let mut text = String::new();
    for place in (0..digits).rev() {
        let least = usize::from(place + 1 == digits);
        text += &random.whole(least..10).to_string();
        if place > 0 && place % 3 == 0 {
            text.push('.');
        }
    }
    text
}
