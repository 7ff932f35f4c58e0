## Страница живой таблицы

languages = Язык
untitled = Испытание
as-of = по состоянию на
stale = Устарело: нет новых данных
reload = Обновите страницу, чтобы увидеть новые результаты.
caption = Места, лучшие сверху
rank = Место
participant = Участник
anonymous = аноним
empty = Мест пока нет. Первый результат откроет таблицу.

# $count (Number), $shown (String): число, как оно пишется
participants = { $count ->
    [one] { $shown } участник
    [few] { $shown } участника
    [many] { $shown } участников
   *[other] { $shown } участника
}
held = { $count ->
    [one] { $shown } новое
    [few] { $shown } новых
    [many] { $shown } новых
   *[other] { $shown } нового
}

pause = Пауза
resume = Продолжить
link-live = в эфире
link-connecting = подключение…
link-lost = переподключение…
link-closed = окончательно
link-paused = пауза

# Произносится, когда сменился лидер. $name (String), $score (String)
leads = Лидирует { $name }: { $score }

## Что считается

metric-distance-m = Расстояние
metric-moving-time-s = Время в движении
metric-ascent-m = Набор высоты
metric-count = Тренировки
metric-steps = Шаги
metric-longest-m = Самая длинная дистанция
metric-fastest-s = Лучшее время
metric-xp = Опыт
# $n (String): число
unit-km = { $n } км
unit-m = { $n } м

## Состояние испытания

state-draft = Черновик
state-scheduled = Ещё не началось
state-open = Идёт
state-ended = Завершено, поздние результаты ещё учитываются
state-settling = Подводятся итоги
state-settled = Итоговые результаты
state-stopped = Остановлено

## Время

# $start, $end, $zone (String)
window = { $start } – { $end } ({ $zone })
clock-local = по местному времени каждого участника
# $day, $year, $time (String), $month (Number, от 1 до 12)
date = { $day } { $month ->
    [1] января
    [2] февраля
    [3] марта
    [4] апреля
    [5] мая
    [6] июня
    [7] июля
    [8] августа
    [9] сентября
    [10] октября
    [11] ноября
   *[12] декабря
} { $year } г., { $time }

## Вместо страницы

missing-title = Такой таблицы нет
missing-text = Испытание не существует, или его таблица закрыта для всех. Проверьте адрес.
unavailable-title = Сейчас таблицу показать нельзя
unavailable-text = Что-то на нашей стороне не отвечает. Ничего не потеряно, попробуйте чуть позже.
retry = Попробовать снова
request-id = Запрос
