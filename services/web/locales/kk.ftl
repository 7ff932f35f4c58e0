## Тікелей кестенің беті

languages = Тіл
untitled = Сынақ
as-of = жаңартылған уақыты
stale = Ескірген: жаңа дерек жоқ
reload = Жаңа нәтижелерді көру үшін бетті қайта жүктеңіз.
caption = Орындар, үздіктері жоғарыда
rank = Орын
participant = Қатысушы
anonymous = аноним
empty = Әзірге орын алған ешкім жоқ. Кестені алғашқы нәтиже ашады.

# $count (Number), $shown (String): санның жазылуы
participants = { $count ->
    [one] { $shown } қатысушы
   *[other] { $shown } қатысушы
}
held = { $count ->
    [one] { $shown } жаңа
   *[other] { $shown } жаңа
}

pause = Кідірту
resume = Жалғастыру
link-live = тікелей
link-connecting = қосылуда…
link-lost = қайта қосылуда…
link-closed = түпкілікті
link-paused = кідіртілді

# Көшбасшы ауысқанда айтылады. $name (String), $score (String)
leads = Көшбасшы: { $name }, { $score }

## Не есептеледі

metric-distance-m = Қашықтық
metric-moving-time-s = Қозғалыс уақыты
metric-ascent-m = Биіктікке көтерілу
metric-count = Жаттығулар
metric-steps = Қадамдар
metric-longest-m = Ең ұзақ қашықтық
metric-fastest-s = Ең жақсы уақыт
metric-xp = Тәжірибе
# $n (String): сан
unit-km = { $n } км
unit-m = { $n } м

## Сынақтың күйі

state-draft = Жоба
state-scheduled = Әлі басталған жоқ
state-open = Жүріп жатыр
state-ended = Аяқталды, кеш келген нәтижелер әлі есептеледі
state-settling = Қорытынды шығарылуда
state-settled = Қорытынды нәтижелер
state-stopped = Тоқтатылды

## Уақыт

# $start, $end, $zone (String)
window = { $start } – { $end } ({ $zone })
clock-local = әр қатысушының жергілікті уақыты бойынша
# $day, $year, $time (String), $month (Number, 1-ден 12-ге дейін)
date = { $year } ж. { $day } { $month ->
    [1] қаңтар
    [2] ақпан
    [3] наурыз
    [4] сәуір
    [5] мамыр
    [6] маусым
    [7] шілде
    [8] тамыз
    [9] қыркүйек
    [10] қазан
    [11] қараша
   *[12] желтоқсан
}, { $time }

## Беттің орнына

missing-title = Мұндай кесте жоқ
missing-text = Сынақ жоқ немесе оның кестесі баршаға ашық емес. Мекенжайды тексеріңіз.
unavailable-title = Қазір кестені көрсету мүмкін емес
unavailable-text = Біздің жақта бір нәрсе жауап бермей тұр. Ештеңе жоғалған жоқ, сәл кейінірек қайталап көріңіз.
retry = Қайталап көру
request-id = Сұраныс
