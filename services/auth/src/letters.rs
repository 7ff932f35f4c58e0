//! What the mails say, in English, Russian and Kazakh.

use crate::{
    domain::{email::Email, profile::Locale},
    mail::Letter,
};

#[derive(Clone, Copy)]
enum Language {
    English,
    Russian,
    Kazakh,
}

impl Language {
    fn of(locale: &str) -> Self {
        match locale.split('-').next().unwrap_or_default() {
            "ru" => Self::Russian,
            "kk" => Self::Kazakh,
            _ => Self::English,
        }
    }

    fn pick<'a>(self, english: &'a str, russian: &'a str, kazakh: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::Russian => russian,
            Self::Kazakh => kazakh,
        }
    }
}

fn letter(to: &Email, subject: &str, text: &str, code: Option<&str>) -> Letter {
    let text = code.map_or_else(|| text.to_owned(), |code| text.replace("{code}", code));
    Letter {
        to: to.clone(),
        subject: subject.to_owned(),
        text,
        code: code.map(str::to_owned),
        registration: None,
    }
}

/// To whoever wants to sign up.
pub fn sign_up(to: &Email, locale: &Locale, code: &str, registration: &str) -> Letter {
    let language = Language::of(locale.as_str());
    let subject = language.pick("Your Stadion code", "Ваш код Stadion", "Stadion кодыңыз");
    let text = language.pick(
        "Your code is {code}. It is valid for 15 minutes.\n\nIf you did not sign up, ignore this mail.\n",
        "Ваш код: {code}. Он действует 15 минут.\n\nЕсли вы не регистрировались, просто удалите это письмо.\n",
        "Кодыңыз: {code}. Ол 15 минут жарамды.\n\nЕгер тіркелмеген болсаңыз, бұл хатты елемеңіз.\n",
    );
    Letter { registration: Some(registration.to_owned()), ..letter(to, subject, text, Some(code)) }
}

/// To an owner whose address somebody signed up with.
pub fn known_already(to: &Email, locale: &Locale) -> Letter {
    let language = Language::of(locale.as_str());
    let subject =
        language.pick("You have an account already", "У вас уже есть аккаунт", "Сізде аккаунт бұрыннан бар");
    let text = language.pick(
        "Somebody tried to sign up with this address, which has an account already.\n\nIf it was you: log in, or \
         ask for a new password. If it was not, nothing needs to be done.\n",
        "Кто-то попытался зарегистрироваться с этим адресом, но аккаунт уже есть.\n\nЕсли это были вы, войдите или \
         сбросьте пароль. Если нет, ничего делать не нужно.\n",
        "Біреу осы мекенжаймен тіркелмек болды, бірақ аккаунт бұрыннан бар.\n\nЕгер бұл сіз болсаңыз, кіріңіз немесе \
         құпия сөзді жаңартыңыз. Болмаса, ештеңе істеудің қажеті жоқ.\n",
    );
    letter(to, subject, text, None)
}

/// To a guardian, who agrees by giving the code to the child.
pub fn guardian(to: &Email, locale: &Locale, code: &str, registration: &str) -> Letter {
    let language = Language::of(locale.as_str());
    let subject = language.pick(
        "A child asks for your consent",
        "Ребёнок просит вашего согласия",
        "Бала сіздің келісіміңізді сұрайды",
    );
    let text = language.pick(
        "A child wants to join Stadion and named you as guardian. If you agree, tell them this code: {code}. It is \
         valid for 15 minutes. If you do not agree, do nothing.\n",
        "Ребёнок хочет присоединиться к Stadion и указал вас как опекуна. Если вы согласны, сообщите ему код: {code}. \
         Он действует 15 минут. Если нет, ничего не делайте.\n",
        "Бала Stadion-ға қосылғысы келеді және сізді қамқоршы ретінде көрсетті. Келіссеңіз, оған мына кодты айтыңыз: \
         {code}. Ол 15 минут жарамды. Келіспесеңіз, ештеңе істемеңіз.\n",
    );
    Letter { registration: Some(registration.to_owned()), ..letter(to, subject, text, Some(code)) }
}

pub fn reset(to: &Email, locale: &Locale, code: &str) -> Letter {
    let language = Language::of(locale.as_str());
    let subject = language.pick("A new password", "Новый пароль", "Жаңа құпия сөз");
    let text = language.pick(
        "Your code for a new password is {code}. It is valid for 15 minutes.\n\nIf you did not ask for it, ignore \
         this mail: your password stays.\n",
        "Код для нового пароля: {code}. Он действует 15 минут.\n\nЕсли вы его не запрашивали, ничего не делайте: \
         пароль останется прежним.\n",
        "Жаңа құпия сөзге арналған код: {code}. Ол 15 минут жарамды.\n\nЕгер сұрамаған болсаңыз, бұл хатты елемеңіз: \
         құпия сөз өзгермейді.\n",
    );
    letter(to, subject, text, Some(code))
}

pub fn password_changed(to: &Email, locale: &Locale) -> Letter {
    let language = Language::of(locale.as_str());
    let subject = language.pick("Your password was changed", "Пароль изменён", "Құпия сөз өзгертілді");
    let text = language.pick(
        "Your password was changed and all devices were signed out. If it was not you, ask for a new password at once.\n",
        "Ваш пароль изменён, все устройства вышли из аккаунта. Если это были не вы, немедленно сбросьте пароль.\n",
        "Құпия сөзіңіз өзгертілді, барлық құрылғылар аккаунттан шықты. Егер бұл сіз болмасаңыз, құпия сөзді дереу \
         жаңартыңыз.\n",
    );
    letter(to, subject, text, None)
}

/// A refresh token came twice: one of the two was stolen.
pub fn session_stolen(to: &Email, locale: &Locale) -> Letter {
    let language = Language::of(locale.as_str());
    let subject = language.pick(
        "A device was signed out",
        "Одно устройство вышло из аккаунта",
        "Бір құрылғы аккаунттан шығарылды",
    );
    let text = language.pick(
        "A sign-in of one of your devices was used from two places, so that device was signed out. Sign in again; if \
         you suspect somebody else, change your password.\n",
        "Вход одного из ваших устройств был использован из двух мест, поэтому устройство вышло из аккаунта. Войдите \
         снова; если подозреваете кого-то, смените пароль.\n",
        "Құрылғыларыңыздың бірінің кіруі екі жерден қолданылды, сондықтан ол аккаунттан шығарылды. Қайта кіріңіз; \
         күмәндансаңыз, құпия сөзді өзгертіңіз.\n",
    );
    letter(to, subject, text, None)
}
