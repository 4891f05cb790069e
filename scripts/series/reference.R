# What R's forecast says of series, for scripts/series/run.py: ets() and auto.arima() as they are (Hyndman and Khandakar 2008), or with the
# argument `models` each model of ets() by itself.
# Standard input: a line a series, its id, season, horizon and values. Standard output, a line each: id, method, model (without spaces), corrected
# AIC, log-likelihood, forecasts.
suppressMessages(library(forecast))
say <- function(id, method, fitted, horizon) {
  said <- forecast(fitted, h = horizon)
  cat(id, method, gsub("[ ]+", "_", trimws(said$method)), format(c(fitted$aicc, fitted$loglik, said$mean), digits = 15), "\n")
}
each <- identical(commandArgs(trailingOnly = TRUE), "models")
for (line in readLines(file("stdin"))) {
  part <- strsplit(line, " ")[[1]]
  season <- as.integer(part[2])
  horizon <- as.integer(part[3])
  y <- ts(as.numeric(part[-(1:3)]), frequency = season)
  if (!each) {
    say(part[1], "ets", ets(y), horizon)
    say(part[1], "arima", auto.arima(y), horizon)
    next
  }
  for (model in c("ANN", "AAN", "MNN", "MAN", if (season > 1) c("ANA", "AAA", "MNA", "MAA", "MNM", "MAM"))) {
    for (damped in if (substr(model, 2, 2) == "A") c(FALSE, TRUE) else FALSE) {
      fitted <- tryCatch(ets(y, model = model, damped = damped), error = function(e) NULL)
      if (!is.null(fitted)) say(part[1], paste0(model, if (damped) "d" else ""), fitted, horizon)
    }
  }
}
